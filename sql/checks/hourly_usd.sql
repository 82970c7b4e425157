-- Returns zero rows. Each hour of exchange_flows_hourly stands once, with dollars exactly where unit and price are known.
with usd as (
  select chain, exchange, asset, hour, inflow_usd, outflow_usd from sluice.hourly_usd
),
hourly as (
  select
    hourly.chain,
    hourly.exchange,
    hourly.asset,
    hourly.hour,
    units.unit is not null and prices.price is not null as is_priced
  from public.exchange_flows_hourly as hourly
  left join sluice.asset_units as units using (chain, asset)
  left join public.prices using (chain, asset, hour)
)
select chain, exchange, asset, hour
from hourly
full join usd using (chain, exchange, asset, hour)
group by chain, exchange, asset, hour
having count(*) <> 1
  or count(hourly.is_priced) <> 1
  or bool_or(hourly.is_priced) <> bool_and(inflow_usd is not null and outflow_usd is not null);
