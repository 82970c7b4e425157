-- Grain: one row a chain, exchange, asset and UTC day of exchange_flows_daily. Unit: whole units of the asset, exact; US dollars in cents.
-- Source: exchange_flows_daily, asset_units, hourly_usd. A day's dollars are the sum of its hours, null if any of them has no price.
create or replace view public.exchange_flows_daily_usd as
with daily as (
  select * from public.exchange_flows_daily
),
units as (
  select chain, asset, unit from sluice.asset_units
),
hourly_usd as (
  select *, (hour at time zone 'UTC')::date as date from sluice.hourly_usd
),
days_usd as (
  select
    chain,
    exchange,
    asset,
    date,
    case when count(inflow_usd) = count(*) then sum(inflow_usd) end as inflow_usd,
    case when count(outflow_usd) = count(*) then sum(outflow_usd) end as outflow_usd
  from hourly_usd
  group by chain, exchange, asset, date
)
select
  daily.chain,
  daily.exchange,
  daily.asset,
  daily.date,
  daily.inflow * units.unit as inflow,
  daily.outflow * units.unit as outflow,
  daily.netflow * units.unit as netflow,
  daily.inflow_inter * units.unit as inflow_inter,
  daily.outflow_inter * units.unit as outflow_inter,
  daily.intra * units.unit as intra,
  daily.inflow_txs,
  daily.outflow_txs,
  daily.inflow_transfers,
  daily.outflow_transfers,
  daily.issued * units.unit as issued,
  daily.redeemed * units.unit as redeemed,
  daily.fees * units.unit as fees,
  daily.complete,
  daily.first_height,
  daily.last_height,
  sluice.round_half_even(days_usd.inflow_usd, 2) as inflow_usd,
  sluice.round_half_even(days_usd.outflow_usd, 2) as outflow_usd,
  sluice.round_half_even(days_usd.inflow_usd - days_usd.outflow_usd, 2) as netflow_usd
from daily
left join units using (chain, asset)
left join days_usd using (chain, exchange, asset, date);

comment on view public.exchange_flows_daily_usd is
  'Grain: one row a chain, exchange, asset and UTC day. Unit: whole units of the asset, exact; US dollars in cents. Source: exchange_flows_daily, assets, prices.';
comment on column public.exchange_flows_daily_usd.chain is 'Name of the chain in the config.';
comment on column public.exchange_flows_daily_usd.exchange is 'Slug of the exchange, as the label file names it.';
comment on column public.exchange_flows_daily_usd.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.exchange_flows_daily_usd.date is 'The UTC day of block time.';
comment on column public.exchange_flows_daily_usd.inflow is 'Amount that flowed in, from other exchanges too; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.outflow is 'Amount that flowed out, to other exchanges too; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.netflow is 'inflow - outflow, signed; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.inflow_inter is 'Part of inflow that came from other exchanges; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.outflow_inter is 'Part of outflow that went to other exchanges; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.intra is 'Amount moved between addresses of the same exchange; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.inflow_txs is 'Number of distinct transactions with inflow.';
comment on column public.exchange_flows_daily_usd.outflow_txs is 'Number of distinct transactions with outflow.';
comment on column public.exchange_flows_daily_usd.inflow_transfers is 'Number of legs with inflow.';
comment on column public.exchange_flows_daily_usd.outflow_transfers is 'Number of legs with outflow.';
comment on column public.exchange_flows_daily_usd.issued is 'Amount received from nobody (mint, reward, withdrawal of a stake, coinbase); whole units of the asset.';
comment on column public.exchange_flows_daily_usd.redeemed is 'Amount sent to nobody (burn); whole units of the asset.';
comment on column public.exchange_flows_daily_usd.fees is 'Transaction fees that the exchange paid, in the row of the native asset; whole units of the asset.';
comment on column public.exchange_flows_daily_usd.complete is 'True when the whole day is complete: its end is not above the chain''s watermark, and it misses no earlier block.';
comment on column public.exchange_flows_daily_usd.first_height is 'Height of the first block that contributed.';
comment on column public.exchange_flows_daily_usd.last_height is 'Height of the last block that contributed.';
comment on column public.exchange_flows_daily_usd.inflow_usd is 'inflow in US dollars, each hour at the price of its end, rounded once to cents (half to even); null if any hour has no price.';
comment on column public.exchange_flows_daily_usd.outflow_usd is 'outflow in US dollars, as inflow_usd.';
comment on column public.exchange_flows_daily_usd.netflow_usd is 'inflow - outflow in US dollars, as inflow_usd; rounded by itself.';
