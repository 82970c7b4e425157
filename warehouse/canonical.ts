import { access } from "node:fs/promises";
import type { ChainName } from "../stream/block.ts";
import { type Day, dayEnd, dayStart } from "./day.ts";
import { DayUnreadable, dayPath } from "./lake/day-file.ts";
import { type DuckDb, literal } from "./lake/duckdb.ts";
import { type ColumnType, LAKE_TABLES, type LakeTable, type TableSpec } from "./lake/tables.ts";
import type { Queryable } from "./postgres/client.ts";

/**
 * One day of one chain as canonical lines, the same out of either store when the rows are the same: fields in the table's column
 * order between bars (which no field of ours holds), null empty, times in Unix seconds, in key order (text by its bytes).
 */

/** What is compared: the tables, and the day's sums as each store computes them itself. */
export type Compared = LakeTable | "exchange_flows_daily";

/** In this order: a difference is named where it begins. */
export const COMPARED: readonly Compared[] = [
  "blocks",
  "flow_legs",
  "exchange_flows_hourly",
  "exchange_flows_daily",
];

/** The day's figures of the feed, in the hourly table's order; those of `exact` are amounts in base units, the others counts. */
export const FIGURES: ReadonlyMap<string, { readonly exact: boolean }> = new Map(
  [...LAKE_TABLES.exchange_flows_hourly.columns]
    .filter(
      ([name]) =>
        !["chain", "exchange", "asset", "hour", "complete", "first_height", "last_height"].includes(name),
    )
    .map(([name, type]) => [name, { exact: type === "VARCHAR" }]),
);

/** Rows that a cursor brings at once: some 2 MB. */
const FETCH_ROWS = 5000;

/** Which rows. */
export interface Place {
  readonly chain: ChainName;
  readonly day: Day;
}

/** The lines of a day in Postgres; `db` must be inside a database transaction, since they come by a cursor. */
export async function* postgresLines(db: Queryable, what: Compared, place: Place): AsyncGenerator<string> {
  await db.query(`declare lines no scroll cursor for ${postgresQuery(what)}`, [
    place.chain,
    dayStart(place.day),
    dayEnd(place.day),
  ]);
  for (;;) {
    const rows = await db.query<{ line: string }>(`fetch ${FETCH_ROWS} from lines`);
    for (const row of rows) yield row.line;
    if (rows.length < FETCH_ROWS) break;
  }
  await db.query("close lines");
}

/** The lines of a day in the lake; none where it has no file. Throws `DayUnreadable`. */
export async function* parquetLines(
  db: DuckDb,
  what: Compared,
  place: Place & { readonly lake: string },
): AsyncGenerator<string> {
  const spec = LAKE_TABLES[what === "exchange_flows_daily" ? "exchange_flows_hourly" : what];
  const path = dayPath({ ...place, spec }, place.day);
  if (!(await isThere(path))) return;
  const unreadable = (cause: unknown): never => {
    throw new DayUnreadable(path, cause);
  };
  const result = await db.connection.stream(parquetQuery(what, spec, path)).catch(unreadable);
  for (;;) {
    const chunk = await result.fetchChunk().catch(unreadable);
    if (chunk === null || chunk.rowCount === 0) return;
    for (const line of chunk.getColumnValues(0)) yield String(line);
  }
}

function postgresQuery(what: Compared): string {
  const table = what === "exchange_flows_daily" ? "exchange_flows_hourly" : what;
  const { time, columns, key } = LAKE_TABLES[table];
  const final = table === "blocks" ? "and status = 'final'" : "";
  const rows = `from public.${table} where chain = $1 and ${time} >= to_timestamp($2) and ${time} < to_timestamp($3) ${final}`;
  if (what === "exchange_flows_daily") {
    const sums = [...FIGURES.keys()].map((name) => `sum(${name})`);
    return `select concat_ws('|', exchange, asset, ${sums.join(", ")}) as line ${rows}
      group by exchange, asset order by exchange collate "C", asset collate "C"`;
  }
  const fields = [...columns].map(([name, type]) => `coalesce(${postgresText(name, type)}, '')`);
  const order = key.map((name) => (columns.get(name) === "VARCHAR" ? `${name} collate "C"` : name));
  return `select concat_ws('|', ${fields.join(", ")}) as line ${rows} order by ${order.join(", ")}`;
}

function postgresText(name: string, type: ColumnType): string {
  return type === "TIMESTAMPTZ" ? `extract(epoch from ${name})::bigint::text` : `${name}::text`;
}

/** The files' own order is the key's: they are not sorted again, and one that is not in order differs. */
function parquetQuery(what: Compared, { columns }: TableSpec, path: string): string {
  const rows = `from read_parquet(${literal(path)}, hive_partitioning = false)`;
  if (what === "exchange_flows_daily") {
    const sums = [...FIGURES].map(([name, { exact }]) => `sum(${name}${exact ? "::bignum" : ""})::varchar`);
    return `select concat_ws('|', exchange, asset, ${sums.join(", ")}) ${rows}
      group by exchange, asset order by exchange, asset`;
  }
  const fields = [...columns].map(([name, type]) => `coalesce(${parquetText(name, type)}, '')`);
  return `select concat_ws('|', ${fields.join(", ")}) ${rows}`;
}

function parquetText(name: string, type: ColumnType): string {
  return type === "TIMESTAMPTZ" ? `epoch(${name})::bigint::varchar` : `${name}::varchar`;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
