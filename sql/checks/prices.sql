-- Returns zero rows. A price belongs to an asset that some version of the asset files knows.
select prices.*
from public.prices
left join sluice.asset_units using (chain, asset)
where asset_units.asset is null;
