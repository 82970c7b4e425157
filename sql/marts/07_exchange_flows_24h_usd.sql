-- Grain: one row a chain, exchange and asset of exchange_flows_24h. Unit: whole units of the asset, exact; US dollars in cents; changes are ratios.
-- Source: exchange_flows_24h, asset_units, hourly_usd. Dollars are the sum of the hours, null if any of them has no price.
create or replace view public.exchange_flows_24h_usd as
with flows as (
  select * from public.exchange_flows_24h
),
units as (
  select chain, asset, unit from sluice.asset_units
),
hourly_usd as (
  select chain, exchange, asset, hour, inflow_usd, outflow_usd from sluice.hourly_usd
),
window_usd as (
  select
    flows.chain,
    flows.exchange,
    flows.asset,
    case when count(inflow_usd) = count(*) then sum(inflow_usd) end as inflow_usd,
    case when count(outflow_usd) = count(*) then sum(outflow_usd) end as outflow_usd
  from flows
  join sluice.chain_windows as windows using (chain)
  join hourly_usd
    on hourly_usd.chain = flows.chain
    and hourly_usd.exchange = flows.exchange
    and hourly_usd.asset = flows.asset
    and hourly_usd.hour >= flows.window_start
    and hourly_usd.hour >= windows.covered_from
    and hourly_usd.hour < flows.window_end
  group by flows.chain, flows.exchange, flows.asset
)
select
  flows.chain,
  flows.exchange,
  flows.asset,
  flows.window_start,
  flows.window_end,
  flows.inflow * units.unit as inflow,
  flows.inflow_previous * units.unit as inflow_previous,
  flows.inflow_change,
  flows.outflow * units.unit as outflow,
  flows.outflow_previous * units.unit as outflow_previous,
  flows.outflow_change,
  flows.complete,
  sluice.round_half_even(window_usd.inflow_usd, 2) as inflow_usd,
  sluice.round_half_even(window_usd.outflow_usd, 2) as outflow_usd
from flows
left join units using (chain, asset)
left join window_usd using (chain, exchange, asset);

comment on view public.exchange_flows_24h_usd is
  'Grain: one row a chain, exchange and asset with any flow in the last 48 complete hours. Unit: whole units of the asset, exact; US dollars in cents. Source: exchange_flows_24h, assets, prices.';
comment on column public.exchange_flows_24h_usd.chain is 'Name of the chain in the config.';
comment on column public.exchange_flows_24h_usd.exchange is 'Slug of the exchange, as the label file names it.';
comment on column public.exchange_flows_24h_usd.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.exchange_flows_24h_usd.window_start is 'Beginning of the 24 hours (UTC).';
comment on column public.exchange_flows_24h_usd.window_end is 'End of the 24 hours: the end of the chain''s last complete hour (UTC).';
comment on column public.exchange_flows_24h_usd.inflow is 'Inflow within the 24 hours; whole units of the asset.';
comment on column public.exchange_flows_24h_usd.inflow_previous is 'Inflow within the 24 hours before; whole units; null where they are not covered.';
comment on column public.exchange_flows_24h_usd.inflow_change is '(inflow - inflow_previous) / inflow_previous; null where that is zero or not known.';
comment on column public.exchange_flows_24h_usd.outflow is 'Outflow within the 24 hours; whole units of the asset.';
comment on column public.exchange_flows_24h_usd.outflow_previous is 'Outflow within the 24 hours before; whole units; null where they are not covered.';
comment on column public.exchange_flows_24h_usd.outflow_change is '(outflow - outflow_previous) / outflow_previous; null where that is zero or not known.';
comment on column public.exchange_flows_24h_usd.complete is 'False while the chain is known here for less than 24 hours: then the figures are those of its complete hours.';
comment on column public.exchange_flows_24h_usd.inflow_usd is 'inflow in US dollars, each hour at the price of its end, rounded once to cents (half to even); null if any hour has no price.';
comment on column public.exchange_flows_24h_usd.outflow_usd is 'outflow in US dollars, as inflow_usd.';
