-- Reorgs a day and the deepest of them. Bar chart: x date, y reorgs. Unit: reorgs, blocks. The day is that of the old tip's block time.
select
  (blocks.block_time at time zone 'UTC')::date as date,
  reorgs.chain,
  count(*) as reorgs,
  max(reorgs.depth) as deepest
from reorgs
join blocks on blocks.chain = reorgs.chain and blocks.block_hash = reorgs.old_tip_hash
group by 1, 2
order by 1, 2;
