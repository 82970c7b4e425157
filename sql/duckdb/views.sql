-- The lake's tables as views, to paste into DuckDB where the folder `lake` lies (or put its path in the place of 'lake/).
-- The columns are those of Postgres, and `date`, the UTC day of the file: a condition on it opens only the files it needs.
-- Amounts are exact integers in base units, as text: sum them by ::bignum.

-- So that times print in UTC and a day is a UTC day.
set timezone = 'UTC';

-- Grain: one row a final block. Source: headers of final blocks.
create or replace view blocks as
select * from read_parquet('lake/blocks/*/*/blocks.parquet', hive_partitioning = true, hive_types = {chain: varchar, date: date});

-- Grain: one row a movement of value with a labelled side, in a final block. Unit: base units of the asset. Source: flows.
create or replace view flow_legs as
select * from read_parquet('lake/flow_legs/*/*/flow_legs.parquet', hive_partitioning = true, hive_types = {chain: varchar, date: date});

-- Grain: one row a chain, exchange, asset and UTC hour in which any figure is not zero. Unit: base units of the asset. Source: exchange flows.
create or replace view exchange_flows_hourly as
select * from read_parquet('lake/exchange_flows_hourly/*/*/exchange_flows_hourly.parquet', hive_partitioning = true, hive_types = {chain: varchar, date: date});

-- Grain: one row a chain, exchange, asset and UTC day in which any figure is not zero. Unit: base units of the asset, exact (bignum).
-- Source: exchange_flows_hourly. Whether a day is complete on its chain says the feed: a complete day has a manifest.
create or replace view exchange_flows_daily as
select
  chain,
  exchange,
  asset,
  date,
  sum(inflow::bignum) as inflow,
  sum(outflow::bignum) as outflow,
  sum(netflow::bignum) as netflow,
  sum(inflow_inter::bignum) as inflow_inter,
  sum(outflow_inter::bignum) as outflow_inter,
  sum(intra::bignum) as intra,
  sum(inflow_txs)::bigint as inflow_txs,
  sum(outflow_txs)::bigint as outflow_txs,
  sum(inflow_transfers)::bigint as inflow_transfers,
  sum(outflow_transfers)::bigint as outflow_transfers,
  sum(issued::bignum) as issued,
  sum(redeemed::bignum) as redeemed,
  sum(fees::bignum) as fees,
  min(first_height) as first_height,
  max(last_height) as last_height
from exchange_flows_hourly
group by chain, exchange, asset, date;
