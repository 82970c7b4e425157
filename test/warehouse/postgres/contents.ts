import type { Queryable } from "../../../warehouse/postgres/client.ts";

const TABLES: Readonly<Record<string, string>> = {
  chains: "chain",
  blocks: "chain, block_hash",
  reorgs: "chain, raw_offset",
  flow_legs: "chain, height, leg",
  exchange_flows_hourly: "chain, exchange, asset, hour",
};

/** All rows of the sink's tables as text, in the order of their keys. */
export async function contents(db: Queryable): Promise<Readonly<Record<string, readonly string[]>>> {
  const all: Record<string, readonly string[]> = {};
  for (const [table, key] of Object.entries(TABLES)) {
    const rows = await db.query<{ row: string }>(
      `select ${table}::text as row from public.${table} order by ${key}`,
    );
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}
