-- Grain: one row a chain. Unit: times in UTC. Source: chains.
-- What of a chain is complete, by the chain's rules and not by the presence of rows: from covered_from to the watermark.
-- Covered is what begins at the first block's time or later; on Bitcoin 2 h after it, since an earlier block may carry a
-- later time (a block is accepted up to 2 h ahead of the clock); everything, where the chain is known from its beginning.
create or replace view sluice.chain_windows as
with chains as (
  select chain, kind, first_height, first_time, watermark from public.chains
)
select
  chain,
  case
    when first_height <= 1 then '-infinity'::timestamptz
    when kind = 'bitcoin' then first_time + interval '2 hours'
    else first_time
  end as covered_from,
  watermark,
  date_trunc('hour', watermark, 'UTC') as window_end
from chains;

comment on view sluice.chain_windows is
  'Grain: one row a chain. What of it is complete, by the chain''s rules. Source: chains.';
comment on column sluice.chain_windows.chain is 'Name of the chain in the config.';
comment on column sluice.chain_windows.covered_from is
  'Hours and days that begin here or later miss no earlier block (UTC); null before the first final block.';
comment on column sluice.chain_windows.watermark is 'Hours and days that end here or earlier never change again (UTC).';
comment on column sluice.chain_windows.window_end is 'End of the last complete hour (UTC).';
