-- Makes the partition of a month when its first leg comes. Runs with its owner's rights, so that the writer needs no right to create.

create function sluice.make_flow_legs_partition(month date) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  first_day date := date_trunc('month', month::timestamp)::date;
  partition text := 'flow_legs_' || to_char(first_day, 'YYYY_MM');
  begins text := first_day::text || ' 00:00:00+00';
  ends text := (first_day + interval '1 month')::date::text || ' 00:00:00+00';
begin
  if to_regclass('public.' || partition) is not null then
    return;
  end if;
  -- Two chains may reach a month at once. Whoever waited asks the catalogue itself: to_regclass would still answer as before.
  perform pg_advisory_xact_lock(hashtext('sluice.make_flow_legs_partition'));
  if exists (select from pg_class where relname = partition and relnamespace = 'public'::regnamespace) then
    return;
  end if;
  -- Attaching, unlike "create table … partition of", leaves readers of flow_legs alone.
  execute format('create table public.%I (like public.flow_legs including all)', partition);
  execute format('comment on table public.%I is %L', partition, 'Partition of flow_legs: blocks of ' || to_char(first_day, 'YYYY-MM') || ' (UTC).');
  execute format(
    'alter table public.flow_legs attach partition public.%I for values from (%L) to (%L)',
    partition, begins, ends
  );
end
$$;
comment on function sluice.make_flow_legs_partition(date) is
  'Makes the partition of flow_legs for the month (UTC) that the date lies in, unless it is there.';
revoke execute on function sluice.make_flow_legs_partition(date) from public;
