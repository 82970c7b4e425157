import type { ChainName } from "../stream/block.ts";
import type { ChainTopics } from "../stream/kafka/topics.ts";
import type { Stores } from "./compare-day.ts";
import { startOf } from "./lake/progress.ts";
import { LAKE_TABLES, type TableSpec } from "./lake/tables.ts";
import { readProgress } from "./postgres/batch.ts";

/**
 * The least height above that of the lake's files ($2) at which Postgres has a row that they may lack.
 * An hour tells only the last block that changed it: it may have been changed by the very next one.
 */
const NEXT_ROW = {
  flow_legs: "select min(height)::float8 as height from public.flow_legs where chain = $1 and height > $2",
  exchange_flows_hourly:
    "select min($2::bigint + 1)::float8 as height from public.exchange_flows_hourly where chain = $1 and last_height > $2",
};

/**
 * The last block that is wholly in the lake, as its files and Postgres tell; undefined: there is none.
 * A file is replaced when rows come, and blocks may bring none: a table also has every block up to the next row that Postgres has.
 */
export async function lakeHeight(
  stores: Stores,
  chain: ChainName,
  topics: ChainTopics,
): Promise<number | undefined> {
  const progress = await readProgress(stores.database, chain);
  const heights = await Promise.all([
    fileHeight(stores, chain, LAKE_TABLES.blocks),
    tableHeight(stores, { chain, table: "flow_legs", stored: progress.get(topics.flows)?.through }),
    tableHeight(stores, {
      chain,
      table: "exchange_flows_hourly",
      stored: progress.get(topics.exchangeFlows)?.through,
    }),
  ]);
  const known = heights.filter((height) => height !== undefined);
  return known.length < heights.length ? undefined : Math.min(...known);
}

interface TableOf {
  readonly chain: ChainName;
  readonly table: keyof typeof NEXT_ROW;
  /** The last block whose rows of that table are all in Postgres. */
  readonly stored: number | undefined;
}

async function tableHeight(stores: Stores, { chain, table, stored }: TableOf): Promise<number | undefined> {
  const height = await fileHeight(stores, chain, LAKE_TABLES[table]);
  if (height === undefined || stored === undefined || stored <= height) return height;
  const [next] = await stores.database.query<{ height: number | null }>(NEXT_ROW[table], [chain, height]);
  return Math.max(height, (next?.height ?? stored + 1) - 1);
}

async function fileHeight(
  { format, lake }: Stores,
  chain: ChainName,
  spec: TableSpec,
): Promise<number | undefined> {
  const height = startOf((await format.readMetas({ lake, chain, spec })).values())?.height;
  return height === undefined || height < 0 ? undefined : height;
}
