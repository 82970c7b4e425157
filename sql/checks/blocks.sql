-- Returns zero rows. The final blocks of a chain are one chain: heights without gap, each the parent of the next.
with final as (
  select chain, height, block_hash, parent_hash from public.blocks where status = 'final'
),
chains as (
  select chain, first_height, final_height from public.chains
)
select final.*
from final
join chains using (chain)
left join final as below on below.chain = final.chain and below.height = final.height - 1
where final.height not between chains.first_height and chains.final_height
  or (final.height > chains.first_height and below.block_hash is distinct from final.parent_hash);
