-- Returns zero rows. Whole units are the base units of exchange_flows_24h, row by row.
with usd as (
  select * from public.exchange_flows_24h_usd
),
flows as (
  select * from public.exchange_flows_24h
),
units as (
  select chain, asset, decimals from sluice.asset_units
)
select chain, exchange, asset
from flows
full join usd using (chain, exchange, asset)
left join units using (chain, asset)
where usd.inflow * ('1e' || decimals)::numeric is distinct from case when decimals is not null then flows.inflow end
  or usd.outflow * ('1e' || decimals)::numeric is distinct from case when decimals is not null then flows.outflow end
  or usd.inflow_change is distinct from flows.inflow_change
  or usd.outflow_change is distinct from flows.outflow_change;
