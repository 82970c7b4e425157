import type { Row } from "./sql.ts";

/** What `sluice.take_back_*` of sql/migrations/0005_rewinds.sql do, over tables in memory. */

/** The functions, by what they take back. */
export type TakenBack = "blocks" | "legs" | "hours";

/** The tables as a transaction sees them; a change waits for the row's lock. */
export interface Tables {
  rows(table: string): readonly Row[];
  put(table: string, row: Row): Promise<void>;
  /** Changes a row as it is once it is locked. */
  change(table: string, row: Row, by: (row: Row) => Row): Promise<void>;
  remove(table: string, row: Row): Promise<void>;
}

/** Which function a statement calls; undefined: none. */
export function takenBackBy(text: string): TakenBack | undefined {
  if (text.startsWith("select sluice.take_back_blocks($1, $2, $3, $4, $5)")) return "blocks";
  if (text.startsWith("select sluice.take_back_legs($1, $2, $3)")) return "legs";
  return text.startsWith("select sluice.take_back_hour($1, $2, taken.exchange, ") ? "hours" : undefined;
}

/** Takes rows back, and keeps them. */
export async function takeBack(what: TakenBack, values: readonly unknown[], tables: Tables): Promise<void> {
  switch (what) {
    case "blocks":
      return takeBackBlocks(values.map(String), tables);
    case "legs":
      return takeBackLegs(values.map(String), tables);
    case "hours":
      return takeBackHours(values, tables);
  }
}

async function takeBackBlocks(values: readonly string[], tables: Tables): Promise<void> {
  const [chain = "", rewind = "", height = "", hash = "", time = ""] = values;
  for (const row of tables.rows("public.chains"))
    if (row["chain"] === chain && Number(row["final_height"]) >= Number(height))
      await tables.put("sluice.rewinds", { chain, rewind, height });
  for (const row of above(tables.rows("public.blocks"), chain, height)) {
    if (row["status"] !== "final") continue;
    await keep(tables, { rewind, table: "blocks", at: row["block_time"] ?? "", row });
    await tables.change("public.blocks", row, (locked) => ({ ...locked, status: "orphaned" }));
  }
  for (const row of tables.rows("public.chains")) {
    if (row["chain"] !== chain || !(Number(row["final_height"]) > Number(height))) continue;
    const final = { final_height: height, final_hash: hash, final_time: time };
    await tables.change("public.chains", row, (locked) => ({ ...locked, ...final }));
  }
}

async function takeBackLegs([chain = "", rewind = "", height = ""]: readonly string[], tables: Tables) {
  for (const row of above(tables.rows("public.flow_legs"), chain, height)) {
    await keep(tables, { rewind, table: "flow_legs", at: row["block_time"] ?? "", row });
    await tables.remove("public.flow_legs", row);
  }
}

async function takeBackHours([chain, rewind, ...lists]: readonly unknown[], tables: Tables): Promise<void> {
  const [exchanges, assets, hours] = lists as readonly (readonly unknown[])[];
  for (const [at, hour] of (hours ?? []).entries()) {
    const row = tables
      .rows("public.exchange_flows_hourly")
      .find(
        (one) =>
          one["chain"] === chain &&
          one["exchange"] === exchanges?.[at] &&
          one["asset"] === assets?.[at] &&
          Date.parse(one["hour"] ?? "") === Date.parse(String(hour)),
      );
    if (row === undefined) continue;
    await keep(tables, {
      rewind: String(rewind),
      table: "exchange_flows_hourly",
      at: String(hour),
      row,
    });
    await tables.remove("public.exchange_flows_hourly", row);
  }
}

function above(rows: readonly Row[], chain: string, height: string): readonly Row[] {
  return rows.filter((row) => row["chain"] === chain && Number(row["height"]) > Number(height));
}

function keep(
  tables: Tables,
  kept: { readonly rewind: string; readonly table: string; readonly at: string; readonly row: Row },
): Promise<void> {
  const { rewind, table, at, row } = kept;
  const content = JSON.stringify(row);
  return tables.put("sluice.taken_back", {
    chain: row["chain"] ?? null,
    rewind,
    table_name: table,
    at,
    content,
  });
}
