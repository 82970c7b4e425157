-- Returns zero rows. The complete hours say what their legs say, figure by figure (fees have no legs), and no hour is
-- complete that the chain does not cover. Hours whose legs are not all stored yet are passed over.
with hourly as (
  select * from public.exchange_flows_hourly
),
windows as (
  select chain, covered_from, watermark from sluice.chain_windows
),
legs as (
  select flow_legs.*, date_trunc('hour', block_time, 'UTC') as hour
  from public.flow_legs
),
legs_through as (
  select chain, through_height from sluice.offsets where topic like '%.flows.v1'
),
sides as (
  select chain, to_exchange as exchange, asset, hour, flow_type, tx_hash, amount, 'in' as side
  from legs
  where flow_type in ('inflow', 'inter', 'issued')
  union all
  select chain, from_exchange, asset, hour, flow_type, tx_hash, amount, 'out'
  from legs
  where flow_type in ('outflow', 'inter', 'intra', 'redeemed')
),
expected as (
  select
    chain,
    exchange,
    asset,
    hour,
    coalesce(sum(amount) filter (where side = 'in' and flow_type <> 'issued'), 0) as inflow,
    coalesce(sum(amount) filter (where side = 'out' and flow_type in ('outflow', 'inter')), 0) as outflow,
    coalesce(sum(amount) filter (where side = 'in' and flow_type = 'inter'), 0) as inflow_inter,
    coalesce(sum(amount) filter (where side = 'out' and flow_type = 'inter'), 0) as outflow_inter,
    coalesce(sum(amount) filter (where flow_type = 'intra'), 0) as intra,
    coalesce(sum(amount) filter (where flow_type = 'issued'), 0) as issued,
    coalesce(sum(amount) filter (where flow_type = 'redeemed'), 0) as redeemed,
    count(distinct tx_hash) filter (where side = 'in' and flow_type <> 'issued') as inflow_txs,
    count(distinct tx_hash) filter (where side = 'out' and flow_type in ('outflow', 'inter')) as outflow_txs,
    count(*) filter (where side = 'in' and flow_type <> 'issued') as inflow_transfers,
    count(*) filter (where side = 'out' and flow_type in ('outflow', 'inter')) as outflow_transfers
  from sides
  group by chain, exchange, asset, hour
),
closed as (
  select hourly.*
  from hourly
  join windows using (chain)
  join legs_through using (chain)
  where hourly.hour + interval '1 hour' <= windows.watermark
    and hourly.last_height <= legs_through.through_height
),
misstated as (
  select closed.chain, closed.exchange, closed.asset, closed.hour, 'figures that differ from the legs' as fault
  from closed
  left join expected using (chain, exchange, asset, hour)
  where (closed.inflow, closed.outflow, closed.inflow_inter, closed.outflow_inter, closed.intra, closed.issued, closed.redeemed)
    is distinct from (
      coalesce(expected.inflow, 0), coalesce(expected.outflow, 0), coalesce(expected.inflow_inter, 0),
      coalesce(expected.outflow_inter, 0), coalesce(expected.intra, 0), coalesce(expected.issued, 0),
      coalesce(expected.redeemed, 0)
    )
    or (closed.inflow_txs, closed.outflow_txs, closed.inflow_transfers, closed.outflow_transfers)
    is distinct from (
      coalesce(expected.inflow_txs, 0), coalesce(expected.outflow_txs, 0),
      coalesce(expected.inflow_transfers, 0), coalesce(expected.outflow_transfers, 0)
    )
),
missing as (
  select expected.chain, expected.exchange, expected.asset, expected.hour, 'legs without a row' as fault
  from expected
  join windows using (chain)
  left join hourly using (chain, exchange, asset, hour)
  where expected.hour + interval '1 hour' <= windows.watermark and hourly.chain is null
),
empty as (
  select chain, exchange, asset, hour, 'a row without any figure' as fault
  from hourly
  where (inflow, outflow, intra, issued, redeemed, fees) = (0, 0, 0, 0, 0, 0)
),
miscovered as (
  select hourly.chain, hourly.exchange, hourly.asset, hourly.hour, 'complete against watermark or coverage' as fault
  from hourly
  join windows using (chain)
  where (hourly.complete and hourly.hour < windows.covered_from)
    or (
      not hourly.complete
      and hourly.hour >= windows.covered_from
      and hourly.hour + interval '1 hour' <= windows.watermark
    )
)
select * from misstated
union all
select * from missing
union all
select * from empty
union all
select * from miscovered;
