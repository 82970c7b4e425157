import { Client } from "pg";
import { sluice } from "./sluice.ts";

/** What stands in Postgres and is an outcome of final blocks alone; reorgs depend on what the node showed. */
const FINAL_TABLES = {
  flow_legs: "select * from flow_legs order by chain, height, leg",
  exchange_flows_hourly: "select * from exchange_flows_hourly order by chain, exchange, asset, hour",
  blocks: "select * from blocks where status = 'final' order by chain, height",
  chains: "select * from chains order by chain",
};

const LAKE_TABLES = ["flow_legs", "exchange_flows_hourly", "blocks"];

/** All rows of the lake as JSON, in one question: each costs a process. */
const LAKE_ROWS = `${LAKE_TABLES.map(
  (table) => `select '${table}' as "table", to_json(${table})::varchar as "row" from ${table}`,
).join(" union all ")} order by all`;

/** The rows of each table of both stores, each as text. */
export type StoreRows = Readonly<Record<string, readonly string[]>>;

interface LakeRow {
  readonly table: string;
  readonly row: string;
}

/** Runs one query. */
export async function rowsOf<Row extends object>(
  databaseUrl: string,
  query: string,
): Promise<readonly Row[]> {
  const db = new Client({ connectionString: databaseUrl });
  await db.connect();
  try {
    return (await db.query<Row>(query)).rows;
  } finally {
    await db.end();
  }
}

/** Everything that is final in Postgres and in the lake of `env`'s home. */
export async function dumpStores(databaseUrl: string, env: Record<string, string>): Promise<StoreRows> {
  const rows: Record<string, readonly string[]> = {};
  for (const [table, query] of Object.entries(FINAL_TABLES))
    rows[table] = texts(await rowsOf(databaseUrl, query));
  const found = JSON.parse(await sluice(["sql", "--json", LAKE_ROWS], env)) as readonly LakeRow[];
  for (const table of LAKE_TABLES)
    rows[`lake ${table}`] = found.filter((one) => one.table === table).map(({ row }) => row);
  return rows;
}

function texts(rows: readonly object[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row));
}
