-- Blocks and legs come in order of time, so that a few bytes a megabyte tell where a day lies: the feed, `sluice verify` and
-- analysts ask by time. Summed up as rows come, not only at the next vacuum.

create index blocks_time on public.blocks using brin (block_time) with (autosummarize = on);
create index flow_legs_time on public.flow_legs using brin (block_time) with (autosummarize = on);
