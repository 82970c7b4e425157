-- Grain: one row a chain and asset. Unit: whole units a base unit. Source: assets, sluice.label_versions.
-- By the version applied last among those that name the asset, so that an asset taken out of the file keeps its unit.
create or replace view sluice.asset_units as
with assets as (
  select chain, asset, decimals, label_version from public.assets
),
label_versions as (
  select label_version, applied_at from sluice.label_versions
)
select distinct on (chain, asset)
  chain,
  asset,
  decimals,
  ('1e-' || decimals)::numeric as unit
from assets
join label_versions using (label_version)
order by chain, asset, applied_at desc, label_version, decimals;

comment on view sluice.asset_units is
  'Grain: one row a chain and asset. How base units become whole units. Source: assets, by the version applied last.';
comment on column sluice.asset_units.chain is 'Name of the chain in the config.';
comment on column sluice.asset_units.asset is 'Symbol of the asset.';
comment on column sluice.asset_units.decimals is 'One whole unit is 10^decimals base units.';
comment on column sluice.asset_units.unit is 'Whole units that one base unit is: 10^-decimals, exact.';
