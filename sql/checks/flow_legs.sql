-- Returns zero rows. Legs count from 0 without gap within a block, stand in one block a height, name the sides that their
-- flow_type says, and where the final block is known, carry its hash and time. Their label_version is one that the tables of
-- labels hold: another one was that of other files than the sink's, or is older than the store.
with legs as (
  select * from public.flow_legs
),
versions as (
  select distinct chain, label_version from public.assets
),
final as (
  select chain, height, block_hash, block_time from public.blocks where status = 'final'
),
miscounted as (
  select chain, height, 'legs not counted from 0 within one block' as fault
  from legs
  group by chain, height
  having min(leg) <> 0
    or max(leg) + 1 <> count(*)
    or count(distinct leg) <> count(*)
    or count(distinct (block_hash, block_time)) <> 1
),
misnamed as (
  select chain, height, 'sides that do not fit flow_type' as fault
  from legs
  where case flow_type
    when 'inflow' then from_exchange is null and to_exchange is not null
    when 'outflow' then from_exchange is not null and to_exchange is null
    when 'inter' then from_exchange <> to_exchange
    when 'intra' then from_exchange = to_exchange
    when 'issued' then to_exchange is not null
    when 'redeemed' then from_exchange is not null
  end is not true
),
misplaced as (
  select legs.chain, legs.height, 'another block than the final one' as fault
  from legs
  join final using (chain, height)
  where legs.block_hash <> final.block_hash or legs.block_time <> final.block_time
),
mislabelled as (
  select legs.chain, legs.height, 'labels that are not in the tables' as fault
  from legs
  left join versions using (chain, label_version)
  where versions.chain is null
)
select * from miscounted
union all
select * from misnamed
union all
select * from misplaced
union all
select * from mislabelled;
