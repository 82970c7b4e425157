import { COMPARED, type Compared, type Place, postgresLines } from "./canonical.ts";
import { mendTable } from "./lake/day-file.ts";
import type { DayFormat } from "./lake/edge.ts";
import { LAKE_TABLES } from "./lake/tables.ts";
import { type Comparison, compareLines } from "./lines.ts";
import type { Database, Queryable } from "./postgres/client.ts";

/** The stores side by side. */
export interface Stores {
  readonly database: Database;
  readonly format: DayFormat;
  readonly lake: string;
}

/** The stores while a database transaction is open. */
export interface Snapshot extends Pick<Stores, "format" | "lake"> {
  readonly dbTransaction: Queryable;
}

/** One of a day's comparisons. */
export interface DayComparison extends Place {
  readonly what: Compared;
  readonly comparison: Comparison;
}

/** Compares one day of one chain, table by table, then the day's sums; rows are streamed. */
export async function compareDay(
  { dbTransaction, format, lake }: Snapshot,
  place: Place,
): Promise<readonly DayComparison[]> {
  const results: DayComparison[] = [];
  for (const what of COMPARED) {
    const postgres = postgresLines(dbTransaction, what, place);
    const comparison = await compareLines(postgres, format.lines(what, { ...place, lake }));
    results.push({ ...place, what, comparison });
  }
  return results;
}

/** Where two stores part, in one line for people. */
export function describeDifference({ what, chain, day, comparison }: DayComparison): string {
  const { postgres, parquet, difference } = comparison;
  const side = (line: string | undefined) => (line === undefined ? "nothing" : `"${line}"`);
  return (
    `${what} of ${chain} on ${day}: Postgres has ${postgres.rows} rows, parquet ${parquet.rows}; ` +
    `first difference: ${side(difference?.postgres)} in Postgres, ${side(difference?.parquet)} in parquet`
  );
}

/** What mends that, to be done by an operator: the topics hold what both stores should. */
export function mendDifference(lake: string, { what, chain }: Pick<DayComparison, "what" | "chain">): string {
  const spec = LAKE_TABLES[what === "exchange_flows_daily" ? "exchange_flows_hourly" : what];
  return `${mendTable({ lake, chain, spec })}; if Postgres still differs then, it was edited: ${MEND_POSTGRES}`;
}

/** Where it is told how Postgres is filled anew. */
export const MEND_POSTGRES = 'see "When the stores differ" in the README';
