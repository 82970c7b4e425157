import { COMPARED, type Compared, type Place, postgresLines } from "./canonical.ts";
import type { DayFormat } from "./lake/edge.ts";
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
