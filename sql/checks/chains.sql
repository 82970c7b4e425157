-- Returns zero rows. Each chain has its first and newest final block among the final blocks, at those heights, times and hashes.
select chains.*
from public.chains
left join public.blocks as newest
  on newest.chain = chains.chain and newest.block_hash = chains.final_hash and newest.status = 'final'
left join public.blocks as first
  on first.chain = chains.chain and first.height = chains.first_height and first.status = 'final'
where chains.final_height is not null
  and (
    newest.height is distinct from chains.final_height
    or newest.block_time is distinct from chains.final_time
    or first.block_time is distinct from chains.first_time
  );
