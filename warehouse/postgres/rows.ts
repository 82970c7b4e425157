import type { ChainName } from "../../stream/block.ts";
import type { Reorg } from "../../stream/finality.ts";
import type { HourlyFlow } from "../../stream/flow/leg.ts";
import { LAKE_TABLES, type LakeTable } from "../lake/tables.ts";
import { type Field, hourlyFields } from "../rows.ts";
import type { Target } from "./copy.ts";

/** What rows of the public tables are merged into. Their columns are the lake's, but for what a table makes by itself. */

const columnsOf = (table: LakeTable) => [...LAKE_TABLES[table].columns.keys()];

/** `blocks`: what is final stays final, and an orphaned block that comes back and is released turns final. */
export const BLOCKS: Target = {
  table: "blocks",
  columns: columnsOf("blocks"),
  key: ["chain", "block_hash"],
  onConflict: "do update set status = 'final' where excluded.status = 'final' and blocks.status <> 'final'",
};

/** `reorgs`: a reorg never changes. */
export const REORGS: Target = {
  table: "reorgs",
  columns: [
    "chain",
    "raw_offset",
    "old_tip_height",
    "old_tip_hash",
    "new_tip_height",
    "new_tip_hash",
    "ancestor_height",
    "ancestor_hash",
    "depth",
  ],
  key: ["chain", "raw_offset"],
  onConflict: "do nothing",
};

/** A row of `reorgs`. */
export function reorgRow(chain: ChainName, reorg: Reorg): readonly Field[] {
  return [
    chain,
    reorg.rawOffset,
    reorg.oldTip.height,
    reorg.oldTip.hash,
    reorg.newTip.height,
    reorg.newTip.hash,
    reorg.ancestor.height,
    reorg.ancestor.hash,
    reorg.depth,
  ];
}

/** `flow_legs`: the legs of a final block never change. */
export const FLOW_LEGS: Target = {
  table: "flow_legs",
  columns: columnsOf("flow_legs"),
  key: ["chain", "height", "leg", "block_time"],
  onConflict: "do nothing",
};

/** The table makes it by itself, and takes none. */
const NETFLOW = columnsOf("exchange_flows_hourly").indexOf("netflow");
const withoutNetflow = <T>(all: readonly T[]) => all.filter((_, at) => at !== NETFLOW);

const HOURLY_KEY = ["chain", "exchange", "asset", "hour"];
const HOURLY_COLUMNS = withoutNetflow(columnsOf("exchange_flows_hourly"));
const HOURLY_FIGURES = HOURLY_COLUMNS.filter((name) => !HOURLY_KEY.includes(name));

/** `exchange_flows_hourly`: the last record of a key says it all. */
export const EXCHANGE_FLOWS_HOURLY: Target = {
  table: "exchange_flows_hourly",
  columns: HOURLY_COLUMNS,
  key: HOURLY_KEY,
  onConflict: `do update set ${HOURLY_FIGURES.map((name) => `${name} = excluded.${name}`).join(", ")}`,
};

/** A row of `exchange_flows_hourly`. */
export function hourlyRow(chain: ChainName, row: HourlyFlow): readonly Field[] {
  return withoutNetflow(hourlyFields(chain, row));
}
