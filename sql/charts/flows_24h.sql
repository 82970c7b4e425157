-- The 24 h table: the last 24 complete hours of each chain against the 24 before. Table. Unit: whole units; changes in per cent.
select
  exchange,
  asset as token,
  inflow,
  round(inflow_change * 100, 2) as inflow_change_percent,
  outflow,
  round(outflow_change * 100, 2) as outflow_change_percent,
  chain,
  window_end
from exchange_flows_24h_usd
order by exchange, asset, chain;
