-- Daily netflow by exchange, last 30 complete days. Line chart: x date, y netflow, series exchange. Unit: whole units of the asset.
select date, chain, exchange, asset, netflow
from exchange_flows_daily_usd
where complete
  and date > (now() at time zone 'UTC')::date - 31
order by date, chain, exchange, asset;
