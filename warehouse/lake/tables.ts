/** The lake's tables: Postgres's columns, exact amounts as decimal text (parquet has no integer that holds them; sum by `::BIGNUM`). */

/** A table of the lake. */
export type LakeTable = "blocks" | "flow_legs" | "exchange_flows_hourly";

/** DuckDB's type of a column; instants are UTC in the file itself (`isAdjustedToUTC`). */
export type ColumnType = "VARCHAR" | "BIGINT" | "INTEGER" | "BOOLEAN" | "TIMESTAMPTZ";

/** A table's form, the same in every one of its day files. */
export interface TableSpec {
  readonly name: LakeTable;
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** What rows are ordered by in a file; with `chain`, the primary key. */
  readonly key: readonly string[];
  /** The column that says of which block, the last one, a row is the outcome. */
  readonly height: string;
  /** The column whose UTC day a row belongs to. */
  readonly time: string;
  /** A later row of the same key takes the place of the earlier one; else rows only come, in the key's order. */
  readonly upserts: boolean;
}

const BLOCKS: TableSpec = {
  name: "blocks",
  columns: new Map<string, ColumnType>([
    ["chain", "VARCHAR"],
    ["height", "BIGINT"],
    ["block_hash", "VARCHAR"],
    ["parent_hash", "VARCHAR"],
    ["block_time", "TIMESTAMPTZ"],
    ["status", "VARCHAR"],
  ]),
  key: ["height"],
  height: "height",
  time: "block_time",
  upserts: false,
};

const FLOW_LEGS: TableSpec = {
  name: "flow_legs",
  columns: new Map<string, ColumnType>([
    ["chain", "VARCHAR"],
    ["height", "BIGINT"],
    ["block_hash", "VARCHAR"],
    ["block_time", "TIMESTAMPTZ"],
    ["tx_hash", "VARCHAR"],
    ["leg", "INTEGER"],
    ["asset", "VARCHAR"],
    ["kind", "VARCHAR"],
    ["flow_type", "VARCHAR"],
    ["from_exchange", "VARCHAR"],
    ["to_exchange", "VARCHAR"],
    ["from_address", "VARCHAR"],
    ["to_address", "VARCHAR"],
    ["amount", "VARCHAR"],
    ["evidence", "VARCHAR"],
    ["label_version", "VARCHAR"],
  ]),
  key: ["height", "leg"],
  height: "height",
  time: "block_time",
  upserts: false,
};

const EXCHANGE_FLOWS_HOURLY: TableSpec = {
  name: "exchange_flows_hourly",
  columns: new Map<string, ColumnType>([
    ["chain", "VARCHAR"],
    ["exchange", "VARCHAR"],
    ["asset", "VARCHAR"],
    ["hour", "TIMESTAMPTZ"],
    ["inflow", "VARCHAR"],
    ["outflow", "VARCHAR"],
    ["netflow", "VARCHAR"],
    ["inflow_inter", "VARCHAR"],
    ["outflow_inter", "VARCHAR"],
    ["intra", "VARCHAR"],
    ["inflow_txs", "BIGINT"],
    ["outflow_txs", "BIGINT"],
    ["inflow_transfers", "BIGINT"],
    ["outflow_transfers", "BIGINT"],
    ["issued", "VARCHAR"],
    ["redeemed", "VARCHAR"],
    ["fees", "VARCHAR"],
    ["complete", "BOOLEAN"],
    ["first_height", "BIGINT"],
    ["last_height", "BIGINT"],
  ]),
  key: ["hour", "exchange", "asset"],
  height: "last_height",
  time: "hour",
  upserts: true,
};

/** All tables of the lake by name. */
export const LAKE_TABLES: Readonly<Record<LakeTable, TableSpec>> = {
  blocks: BLOCKS,
  flow_legs: FLOW_LEGS,
  exchange_flows_hourly: EXCHANGE_FLOWS_HOURLY,
};
