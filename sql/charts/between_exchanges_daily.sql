-- Share of daily outflow that went to other exchanges, by exchange. Line chart: x date, y share, series exchange. Unit: ratio.
select
  date,
  chain,
  exchange,
  asset,
  outflow_inter / outflow as share_to_exchanges
from exchange_flows_daily_usd
where complete and outflow > 0
order by date, chain, exchange, asset;
