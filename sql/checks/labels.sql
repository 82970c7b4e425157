-- Returns zero rows. Within a version, an address and date name one exchange.
select label_version, chain, address, valid_from
from public.labels
group by label_version, chain, address, valid_from
having count(*) > 1;
