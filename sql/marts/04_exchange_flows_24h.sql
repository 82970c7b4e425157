-- Grain: one row a chain, exchange and asset with any flow in the last 48 complete hours. Unit: base units of the asset; changes are ratios.
-- Source: exchange_flows_hourly; the window by sluice.chain_windows.
-- The last 24 complete hours of the chain against the 24 before; those are null where they are not covered, and so is the change.
create or replace view public.exchange_flows_24h as
with hourly as (
  select chain, exchange, asset, hour, inflow, outflow from public.exchange_flows_hourly
),
windows as (
  select
    chain,
    covered_from,
    window_end,
    window_end - interval '24 hours' as window_start,
    window_end - interval '48 hours' as previous_start
  from sluice.chain_windows
),
sums as (
  select
    hourly.chain,
    hourly.exchange,
    hourly.asset,
    windows.window_start,
    windows.window_end,
    windows.window_start >= windows.covered_from as complete,
    windows.previous_start >= windows.covered_from as previous_complete,
    coalesce(sum(inflow) filter (where hour >= window_start), 0) as inflow,
    coalesce(sum(inflow) filter (where hour < window_start), 0) as inflow_before,
    coalesce(sum(outflow) filter (where hour >= window_start), 0) as outflow,
    coalesce(sum(outflow) filter (where hour < window_start), 0) as outflow_before
  from hourly
  join windows
    on windows.chain = hourly.chain
    and hourly.hour >= windows.previous_start
    and hourly.hour >= windows.covered_from
    and hourly.hour < windows.window_end
  group by 1, 2, 3, 4, 5, 6, 7
),
compared as (
  select
    *,
    case when previous_complete then inflow_before end as inflow_previous,
    case when previous_complete then outflow_before end as outflow_previous
  from sums
)
select
  chain,
  exchange,
  asset,
  window_start,
  window_end,
  inflow,
  inflow_previous,
  (inflow - inflow_previous) / nullif(inflow_previous, 0) as inflow_change,
  outflow,
  outflow_previous,
  (outflow - outflow_previous) / nullif(outflow_previous, 0) as outflow_change,
  complete
from compared
where inflow <> 0 or outflow <> 0 or inflow_before <> 0 or outflow_before <> 0;

comment on view public.exchange_flows_24h is
  'Grain: one row a chain, exchange and asset with any flow in the last 48 complete hours. Unit: base units of the asset; changes are ratios. Source: exchange_flows_hourly.';
comment on column public.exchange_flows_24h.chain is 'Name of the chain in the config.';
comment on column public.exchange_flows_24h.exchange is 'Slug of the exchange, as the label file names it.';
comment on column public.exchange_flows_24h.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.exchange_flows_24h.window_start is 'Beginning of the 24 hours (UTC).';
comment on column public.exchange_flows_24h.window_end is 'End of the 24 hours: the end of the chain''s last complete hour (UTC).';
comment on column public.exchange_flows_24h.inflow is 'Inflow within the 24 hours; base units.';
comment on column public.exchange_flows_24h.inflow_previous is 'Inflow within the 24 hours before; base units; null where they are not covered.';
comment on column public.exchange_flows_24h.inflow_change is '(inflow - inflow_previous) / inflow_previous; null where that is zero or not known.';
comment on column public.exchange_flows_24h.outflow is 'Outflow within the 24 hours; base units.';
comment on column public.exchange_flows_24h.outflow_previous is 'Outflow within the 24 hours before; base units; null where they are not covered.';
comment on column public.exchange_flows_24h.outflow_change is '(outflow - outflow_previous) / outflow_previous; null where that is zero or not known.';
comment on column public.exchange_flows_24h.complete is 'False while the chain is known here for less than 24 hours: then the figures are those of its complete hours.';
