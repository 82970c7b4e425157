-- Returns zero rows. Each chain has one window: its last complete hour ends within the hour before its watermark, and it is
-- covered from its first block's time on at the latest 2 h later, once it has a final block.
with windows as (
  select chain, covered_from, watermark, window_end from sluice.chain_windows
),
chains as (
  select chain, first_time, watermark from public.chains
)
select chain
from chains
full join windows using (chain)
where windows.watermark is distinct from chains.watermark
  or (windows.covered_from is null) <> (chains.first_time is null)
  or windows.covered_from > chains.first_time + interval '2 hours'
  or (windows.window_end is null) <> (windows.watermark is null)
  or windows.watermark - windows.window_end not between interval '0' and interval '1 hour'
  or extract(epoch from windows.window_end)::bigint % 3600 <> 0;
