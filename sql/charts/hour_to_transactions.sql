-- From a figure to its rows: the legs behind the newest complete hour of each chain, largest first. Table. Unit: base units.
with hours as (
  select chain, max(hour) as hour from exchange_flows_hourly where complete group by chain
)
select legs.chain, legs.block_time, legs.height, legs.tx_hash, legs.asset, legs.flow_type, legs.from_exchange, legs.to_exchange, legs.amount, legs.evidence
from hours
join flow_legs as legs
  on legs.chain = hours.chain
  and legs.block_time >= hours.hour
  and legs.block_time < hours.hour + interval '1 hour'
order by legs.chain, legs.amount desc
limit 500;
