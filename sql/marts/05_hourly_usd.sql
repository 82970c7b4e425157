-- Grain: one row a chain, exchange, asset and UTC hour of exchange_flows_hourly. Unit: US dollars, exact, not rounded.
-- Source: exchange_flows_hourly, asset_units, prices. Null without a price: never zero.
create or replace view sluice.hourly_usd as
with hourly as (
  select chain, exchange, asset, hour, inflow, outflow from public.exchange_flows_hourly
),
units as (
  select chain, asset, unit from sluice.asset_units
),
prices as (
  select chain, asset, hour, price from public.prices
)
select
  hourly.chain,
  hourly.exchange,
  hourly.asset,
  hourly.hour,
  hourly.inflow * units.unit * prices.price as inflow_usd,
  hourly.outflow * units.unit * prices.price as outflow_usd
from hourly
left join units using (chain, asset)
left join prices using (chain, asset, hour);

comment on view sluice.hourly_usd is
  'Grain: one row a chain, exchange, asset and UTC hour. Unit: US dollars, exact. Source: exchange_flows_hourly, asset_units, prices.';
comment on column sluice.hourly_usd.chain is 'Name of the chain in the config.';
comment on column sluice.hourly_usd.exchange is 'Slug of the exchange, as the label file names it.';
comment on column sluice.hourly_usd.asset is 'Symbol of the asset, as the asset file names it.';
comment on column sluice.hourly_usd.hour is 'Beginning of the hour of block time (UTC).';
comment on column sluice.hourly_usd.inflow_usd is 'inflow × the price at the end of the hour; null without a price.';
comment on column sluice.hourly_usd.outflow_usd is 'outflow × the price at the end of the hour; null without a price.';
