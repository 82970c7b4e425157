import { type Compared, FIGURES } from "../../warehouse/canonical.ts";
import { LAKE_TABLES } from "../../warehouse/lake/tables.ts";

/** A row as a store prints it, by column; null and empty are one. */
export type Printed = Readonly<Record<string, string | null | undefined>>;

/** Rows of one day as the lines that stores are compared by (warehouse/canonical.ts says of which form), in the order given. */
export function canonicalLines(what: Compared, rows: readonly Printed[]): readonly string[] {
  if (what === "exchange_flows_daily") return sums(rows);
  const columns = [...LAKE_TABLES[what].columns.keys()];
  return rows.map((row) => columns.map((column) => plain(row[column])).join("|"));
}

function sums(rows: readonly Printed[]): readonly string[] {
  const figures = [...FIGURES.keys()];
  const totals = new Map<string, readonly bigint[]>();
  for (const row of rows) {
    const key = `${row["exchange"]}|${row["asset"]}`;
    const before = totals.get(key) ?? figures.map(() => 0n);
    totals.set(
      key,
      figures.map((name, at) => (before[at] as bigint) + BigInt(row[name] ?? "")),
    );
  }
  return [...totals]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, total]) => [key, ...total].join("|"));
}

/** Instants in Unix seconds. */
function plain(text: string | null | undefined): string {
  if (text === null || text === undefined) return "";
  return /^\d{4}-\d\d-\d\d[T ].*Z$/.test(text) ? String(Date.parse(text) / 1000) : text;
}
