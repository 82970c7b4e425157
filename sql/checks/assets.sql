-- Returns zero rows. Within a version, an asset of a chain has one number of decimals.
select label_version, chain, asset
from public.assets
group by label_version, chain, asset
having count(distinct decimals) > 1;
