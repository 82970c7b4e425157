-- Returns zero rows. Days and hours add up to the same, and a complete day has complete hours only.
with daily as (
  select * from public.exchange_flows_daily
),
hourly as (
  select * from public.exchange_flows_hourly
),
days as (
  select
    chain, exchange, asset, (hour at time zone 'UTC')::date as date,
    sum(netflow) as netflow, sum(fees) as fees, sum(intra) as intra, sum(issued) as issued, sum(redeemed) as redeemed,
    bool_and(complete) as all_complete
  from hourly
  group by 1, 2, 3, 4
)
select coalesce(daily.chain, days.chain) as chain, coalesce(daily.date, days.date) as date
from daily
full join days using (chain, exchange, asset, date)
where daily.chain is null
  or days.chain is null
  or daily.netflow <> daily.inflow - daily.outflow
  or (daily.netflow, daily.fees, daily.intra, daily.issued, daily.redeemed)
    is distinct from (days.netflow, days.fees, days.intra, days.issued, days.redeemed)
  or (daily.complete and not days.all_complete);
