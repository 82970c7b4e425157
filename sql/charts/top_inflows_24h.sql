-- The twenty largest inflows of the last 24 complete hours, for each asset by itself. Bar chart: x exchange, y inflow, filter asset. Unit: whole units.
with ranked as (
  select *, rank() over (partition by chain, asset order by inflow desc) as place
  from exchange_flows_24h_usd
  where inflow > 0
)
select chain, asset, place, exchange, inflow, inflow_usd, window_end
from ranked
where place <= 20
order by chain, asset, place, exchange;
