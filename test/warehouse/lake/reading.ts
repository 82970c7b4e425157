import type { Day } from "../../../warehouse/day.ts";
import { type DayMeta, readMetas } from "../../../warehouse/lake/day-file.ts";
import { openDuckDb } from "../../../warehouse/lake/duckdb.ts";
import { LAKE_TABLES, type LakeTable } from "../../../warehouse/lake/tables.ts";
import { CHAIN } from "./story.ts";

/** All rows of a table, fields joined by bars behind the day of the file's folder, in key order; empty when there is no file. */
export async function rowsOf(lake: string, table: LakeTable): Promise<readonly string[]> {
  const spec = LAKE_TABLES[table];
  const db = await openDuckDb();
  try {
    const fields = [...spec.columns.keys()]
      .map((column) => `coalesce(${column}::varchar, 'null')`)
      .join(", ");
    const found = await db.connection.runAndReadAll(
      `select date::varchar || ' ' || concat_ws('|', ${fields}) from read_parquet('${lake}/${table}/**/*.parquet', hive_partitioning = true)
       order by chain, ${spec.key.join(", ")}`,
    );
    return found.getRows().map(([row]) => String(row));
  } catch (error) {
    if (error instanceof Error && error.message.includes("No files found")) return [];
    throw error;
  } finally {
    db.close();
  }
}

/** What the files of a table say of themselves, by day. */
export async function metasOf(
  lake: string,
  table: LakeTable,
  chain = CHAIN,
): Promise<ReadonlyMap<Day, DayMeta>> {
  const db = await openDuckDb();
  try {
    const metas = await readMetas(db, { lake, chain, spec: LAKE_TABLES[table] });
    return new Map([...metas].sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    db.close();
  }
}
