-- Grain: one row a chain, exchange, asset and UTC day in which any figure is not zero. Unit: base units of the asset.
-- Source: exchange_flows_hourly; complete by sluice.chain_windows.
create or replace view public.exchange_flows_daily as
with hourly as (
  select *, (hour at time zone 'UTC')::date as date from public.exchange_flows_hourly
),
windows as (
  select chain, covered_from, watermark from sluice.chain_windows
),
days as (
  select
    chain,
    exchange,
    asset,
    date,
    sum(inflow) as inflow,
    sum(outflow) as outflow,
    sum(netflow) as netflow,
    sum(inflow_inter) as inflow_inter,
    sum(outflow_inter) as outflow_inter,
    sum(intra) as intra,
    sum(inflow_txs)::bigint as inflow_txs,
    sum(outflow_txs)::bigint as outflow_txs,
    sum(inflow_transfers)::bigint as inflow_transfers,
    sum(outflow_transfers)::bigint as outflow_transfers,
    sum(issued) as issued,
    sum(redeemed) as redeemed,
    sum(fees) as fees,
    min(first_height) as first_height,
    max(last_height) as last_height
  from hourly
  group by chain, exchange, asset, date
)
select
  days.chain,
  days.exchange,
  days.asset,
  days.date,
  days.inflow,
  days.outflow,
  days.netflow,
  days.inflow_inter,
  days.outflow_inter,
  days.intra,
  days.inflow_txs,
  days.outflow_txs,
  days.inflow_transfers,
  days.outflow_transfers,
  days.issued,
  days.redeemed,
  days.fees,
  coalesce(
    days.date::timestamp at time zone 'UTC' >= windows.covered_from
    and (days.date + 1)::timestamp at time zone 'UTC' <= windows.watermark,
    false
  ) as complete,
  days.first_height,
  days.last_height
from days
left join windows using (chain);

comment on view public.exchange_flows_daily is
  'Grain: one row a chain, exchange, asset and UTC day in which any figure is not zero. Unit: base units of the asset. Source: exchange_flows_hourly.';
comment on column public.exchange_flows_daily.chain is 'Name of the chain in the config.';
comment on column public.exchange_flows_daily.exchange is 'Slug of the exchange, as the label file names it.';
comment on column public.exchange_flows_daily.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.exchange_flows_daily.date is 'The UTC day of block time.';
comment on column public.exchange_flows_daily.inflow is 'Amount that flowed in, from other exchanges too; base units.';
comment on column public.exchange_flows_daily.outflow is 'Amount that flowed out, to other exchanges too; base units.';
comment on column public.exchange_flows_daily.netflow is 'inflow - outflow, signed; base units.';
comment on column public.exchange_flows_daily.inflow_inter is 'Part of inflow that came from other exchanges; base units.';
comment on column public.exchange_flows_daily.outflow_inter is 'Part of outflow that went to other exchanges; base units.';
comment on column public.exchange_flows_daily.intra is 'Amount moved between addresses of the same exchange; base units.';
comment on column public.exchange_flows_daily.inflow_txs is 'Number of distinct transactions with inflow.';
comment on column public.exchange_flows_daily.outflow_txs is 'Number of distinct transactions with outflow.';
comment on column public.exchange_flows_daily.inflow_transfers is 'Number of legs with inflow.';
comment on column public.exchange_flows_daily.outflow_transfers is 'Number of legs with outflow.';
comment on column public.exchange_flows_daily.issued is 'Amount received from nobody (mint, reward, withdrawal of a stake, coinbase); base units.';
comment on column public.exchange_flows_daily.redeemed is 'Amount sent to nobody (burn); base units.';
comment on column public.exchange_flows_daily.fees is 'Transaction fees that the exchange paid, in the row of the native asset; base units.';
comment on column public.exchange_flows_daily.complete is 'True when the whole day is complete: its end is not above the chain''s watermark, and it misses no earlier block.';
comment on column public.exchange_flows_daily.first_height is 'Height of the first block that contributed.';
comment on column public.exchange_flows_daily.last_height is 'Height of the last block that contributed.';
