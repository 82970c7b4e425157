-- What an operator took back (sluice rewind). Rows leave the tables for analysts and are kept here; the functions run with
-- their owner's rights, so that the writer can take back without a right to delete.

create table sluice.rewinds (
  chain text not null,
  rewind integer not null check (rewind > 0),
  height bigint not null check (height >= 0),
  block_hash text not null,
  newest_height bigint not null check (newest_height >= height),
  taken_back_at timestamptz not null default now(),
  primary key (chain, rewind)
);
comment on table sluice.rewinds is
  'Grain: one row a rewind of a chain, as it came to this database. Source: the rewind records of the final topic.';
comment on column sluice.rewinds.chain is 'Name of the chain in the config.';
comment on column sluice.rewinds.rewind is 'Counts the chain''s rewinds from 1.';
comment on column sluice.rewinds.height is 'Height of the block that the chain goes on from.';
comment on column sluice.rewinds.block_hash is 'Hash of that block.';
comment on column sluice.rewinds.newest_height is 'Height of the newest final block before.';
comment on column sluice.rewinds.taken_back_at is 'When the final blocks were taken back here (UTC).';

create table sluice.taken_back (
  chain text not null,
  rewind integer not null,
  table_name text not null check (table_name in ('blocks', 'flow_legs', 'exchange_flows_hourly')),
  at timestamptz not null,
  content jsonb not null
);
create index taken_back_chain on sluice.taken_back (chain, rewind, table_name);
comment on table sluice.taken_back is
  'Grain: one row a row that a rewind took out of a table of schema public or put back to what it was before. Source: the tables themselves.';
comment on column sluice.taken_back.chain is 'Name of the chain in the config.';
comment on column sluice.taken_back.rewind is 'Which of the chain''s rewinds took it.';
comment on column sluice.taken_back.table_name is 'The table that it stood in.';
comment on column sluice.taken_back.at is 'The row''s own time: block_time, or the beginning of the hour (UTC).';
comment on column sluice.taken_back.content is 'The row as it stood, by column; amounts are exact.';

create function sluice.take_back_blocks(
  of_chain text, of_rewind integer, to_height bigint, to_hash text, to_time timestamptz
) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into sluice.rewinds (chain, rewind, height, block_hash, newest_height)
  select chain, of_rewind, to_height, to_hash, final_height
  from public.chains
  where chain = of_chain and final_height >= to_height
  on conflict do nothing;
  insert into sluice.taken_back (chain, rewind, table_name, at, content)
  select of_chain, of_rewind, 'blocks', block_time, to_jsonb(blocks)
  from public.blocks
  where chain = of_chain and height > to_height and status = 'final';
  update public.blocks set status = 'orphaned'
  where chain = of_chain and height > to_height and status = 'final';
  update public.chains
  set final_height = to_height, final_hash = to_hash, final_time = to_time
  where chain = of_chain and final_height > to_height;
end
$$;
comment on function sluice.take_back_blocks(text, integer, bigint, text, timestamptz) is
  'Turns a chain''s final blocks above a height to orphaned ones, and keeps them as they stood in taken_back.';
revoke execute on function sluice.take_back_blocks(text, integer, bigint, text, timestamptz) from public;

create function sluice.take_back_legs(of_chain text, of_rewind integer, to_height bigint) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from public.flow_legs where chain = of_chain and height > to_height returning *
  )
  insert into sluice.taken_back (chain, rewind, table_name, at, content)
  select of_chain, of_rewind, 'flow_legs', block_time, to_jsonb(gone) from gone;
$$;
comment on function sluice.take_back_legs(text, integer, bigint) is
  'Takes a chain''s legs above a height out of flow_legs and into taken_back.';
revoke execute on function sluice.take_back_legs(text, integer, bigint) from public;

create function sluice.take_back_hour(
  of_chain text, of_rewind integer, of_exchange text, of_asset text, of_hour timestamptz
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from public.exchange_flows_hourly
    where chain = of_chain and exchange = of_exchange and asset = of_asset and hour = of_hour
    returning *
  )
  insert into sluice.taken_back (chain, rewind, table_name, at, content)
  select of_chain, of_rewind, 'exchange_flows_hourly', hour, to_jsonb(gone) from gone;
$$;
comment on function sluice.take_back_hour(text, integer, text, text, timestamptz) is
  'Takes a row out of exchange_flows_hourly and into taken_back; what it was before the blocks above is written anew.';
revoke execute on function sluice.take_back_hour(text, integer, text, text, timestamptz) from public;

comment on column public.blocks.status is
  'final: released. orphaned: left the chain, before it was final or (rarely) by an operator''s rewind; it turns final if it comes back and is released.';
