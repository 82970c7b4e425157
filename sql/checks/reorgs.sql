-- Returns zero rows. A reorg orphans the blocks from its ancestor up to the old tip, and those are rows of blocks.
with blocks as (
  select chain, height, block_hash from public.blocks
)
select reorgs.*
from public.reorgs
left join blocks on blocks.chain = reorgs.chain and blocks.block_hash = reorgs.old_tip_hash
where reorgs.depth <> reorgs.old_tip_height - reorgs.ancestor_height
  or blocks.height is distinct from reorgs.old_tip_height;
