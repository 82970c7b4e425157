-- Returns zero rows. Every asset that some version names has one unit, by decimals that a version gives it.
with units as (
  select chain, asset, decimals, unit from sluice.asset_units
),
assets as (
  select distinct chain, asset from public.assets
)
select chain, asset
from assets
full join units using (chain, asset)
group by chain, asset
having count(units.unit) <> 1
  or bool_or(units.unit * ('1e' || units.decimals)::numeric <> 1)
  or bool_or(not exists (
    select from public.assets as named
    where named.chain = units.chain and named.asset = units.asset and named.decimals = units.decimals
  ));
