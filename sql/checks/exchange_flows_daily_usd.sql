-- Returns zero rows. Whole units are the base units of exchange_flows_daily, and dollars are there exactly where every hour has a price.
with usd as (
  select * from public.exchange_flows_daily_usd
),
daily as (
  select * from public.exchange_flows_daily
),
units as (
  select chain, asset, decimals from sluice.asset_units
),
priced as (
  select
    hourly.chain, hourly.exchange, hourly.asset, (hourly.hour at time zone 'UTC')::date as date,
    bool_and(prices.price is not null) as all_priced
  from public.exchange_flows_hourly as hourly
  left join public.prices using (chain, asset, hour)
  group by 1, 2, 3, 4
)
select daily.chain, daily.exchange, daily.asset, daily.date
from daily
left join usd using (chain, exchange, asset, date)
left join units using (chain, asset)
join priced using (chain, exchange, asset, date)
where usd.chain is null
  or usd.inflow * ('1e' || units.decimals)::numeric is distinct from
    case when units.decimals is not null then daily.inflow end
  or usd.netflow * ('1e' || units.decimals)::numeric is distinct from
    case when units.decimals is not null then daily.netflow end
  or (usd.inflow_usd is not null) <> (priced.all_priced and units.decimals is not null);
