-- Returns zero rows. The window is 24 whole hours, all complete in their rows, and a change belongs to a known previous above zero.
with flows as (
  select * from public.exchange_flows_24h
),
hourly as (
  select * from public.exchange_flows_hourly
),
misstated as (
  select flows.chain, flows.exchange, flows.asset
  from flows
  left join hourly
    on hourly.chain = flows.chain and hourly.exchange = flows.exchange and hourly.asset = flows.asset
    and hourly.hour >= flows.window_start and hourly.hour < flows.window_end and hourly.complete
  group by flows.chain, flows.exchange, flows.asset, flows.inflow, flows.outflow
  having coalesce(sum(hourly.inflow), 0) <> flows.inflow or coalesce(sum(hourly.outflow), 0) <> flows.outflow
),
misjudged as (
  select chain, exchange, asset
  from flows
  where window_end - window_start <> interval '24 hours'
    or (inflow_change is null) <> (coalesce(inflow_previous, 0) = 0)
    or (outflow_change is null) <> (coalesce(outflow_previous, 0) = 0)
    or (not complete and inflow_previous is not null)
)
select * from misstated
union all
select * from misjudged;
