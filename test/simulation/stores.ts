import { type Day, dayEnd, dayOf } from "../../warehouse/day.ts";
import type { LakeTable } from "../../warehouse/lake/tables.ts";
import type { SimBlock, SimChain } from "./chain.ts";
import { judgeFeed } from "./feed.ts";
import { legsOf, rowsOf, watermarkOf } from "./figures.ts";
import type { SimLake } from "./lake.ts";
import { type Outcome, takenBack } from "./oracle.ts";
import type { SimPostgres } from "./postgres.ts";
import { LABEL_VERSION } from "./rule.ts";
import { CHAIN, kindOf } from "./stages.ts";
import type { Story } from "./story.ts";
import { Differs, reorgRow, same } from "./verdict.ts";

/** What is held to the oracle besides the topics. */
export interface Stores {
  readonly postgres: SimPostgres;
  readonly lake: SimLake;
}

/** A row by its columns' names. */
type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Columns as DESIGN §6 names them, keys first where that is no matter. */
const COLUMNS = {
  blocks: "chain height block_hash parent_hash block_time status",
  reorgs:
    "chain raw_offset old_tip_height old_tip_hash new_tip_height new_tip_hash ancestor_height ancestor_hash depth",
  flow_legs:
    "chain height block_hash block_time tx_hash leg asset kind flow_type from_exchange to_exchange from_address to_address amount evidence label_version",
  exchange_flows_hourly:
    "chain exchange asset hour inflow outflow netflow inflow_inter outflow_inter intra inflow_txs outflow_txs inflow_transfers outflow_transfers issued redeemed fees complete first_height last_height",
  chains: "chain kind first_height first_time final_height final_hash final_time watermark",
};

const LAKE_TABLES: readonly LakeTable[] = ["blocks", "flow_legs", "exchange_flows_hourly"];

/** What the stores of a chain must hold. */
export interface Expected {
  readonly outcome: Outcome;
  readonly story: Story;
  readonly chain: SimChain;
}

/** Where the stores are not yet, or never will be, what they must be; undefined: nowhere. */
export function storesDifference(stores: Stores, expected: Expected): Differs | undefined {
  try {
    judgeStores(stores, expected);
    return undefined;
  } catch (error) {
    if (error instanceof Differs) return error;
    throw error;
  }
}

/** Holds both stores and the feed to the outcome. Throws `Differs`. */
export function judgeStores({ postgres, lake }: Stores, expected: Expected): void {
  const { final } = expected.outcome;
  const hours = hoursOf(expected);
  const tables = {
    blocks: [...final.map((block) => blockFields(block, "final")), ...orphans(expected)],
    reorgs: reorgFields(expected),
    flow_legs: final.flatMap(legFields),
    exchange_flows_hourly: hours,
    chains: [chainFields(expected)],
  };
  for (const [name, rows] of Object.entries(tables)) {
    const columns = columnsOf(name as keyof typeof COLUMNS).filter((column) => column !== "netflow");
    same(`${name} in Postgres`, sorted(postgres.rows(`public.${name}`), columns), sorted(rows, columns));
  }
  const files = {
    blocks: final.map((block) => blockFields(block, "final")),
    flow_legs: tables.flow_legs,
    exchange_flows_hourly: hours,
  };
  for (const table of LAKE_TABLES) judgeTable(lake, { table, rows: files[table] }, expected);
  judgeTakenBack(postgres, expected.outcome);
  judgeFeed(lake, expected.outcome, expected.story.timeRule);
}

/** What a rewind took out of the tables is kept; of the hours, those that blocks above it had changed. */
function judgeTakenBack(postgres: SimPostgres, outcome: Outcome): void {
  const kept = postgres
    .rows("sluice.taken_back")
    .filter((row) => row["table_name"] !== "exchange_flows_hourly")
    .map((row) => `${row["table_name"]} ${(JSON.parse(row["content"] ?? "") as Fields)["block_hash"]}`);
  const expected = takenBack(outcome).flatMap((block) => [
    `blocks ${block.hash}`,
    ...legFields(block).map(() => `flow_legs ${block.hash}`),
  ]);
  same("what Postgres keeps of a rewind", kept.sort(), expected.sort());
}

function judgeTable(
  lake: SimLake,
  { table, rows }: { readonly table: LakeTable; readonly rows: readonly Fields[] },
  { outcome: { final }, story }: Expected,
): void {
  const columns = columnsOf(table);
  const days = [...new Set(final.map(({ time }) => dayOf(time)))].sort();
  const files = lake.days(CHAIN, table);
  same(`the days of ${table} in the lake`, [...files.keys()].sort(), days);
  const watermark = final.length === 0 ? null : watermarkOf({ blocks: final, timeRule: story.timeRule });
  for (const day of days) {
    const { meta, lines } = files.get(day) as NonNullable<ReturnType<typeof files.get>>;
    const found = lines.map((line) => line.split(",").map(seconds).join("|"));
    const own = rows.filter(
      (row) => dayOf(Number(seconds(String(row["block_time"] ?? row["hour"])))) === day,
    );
    same(
      `${table} of ${day} in the lake`,
      found,
      inOrder(table, own).map((row) => lineOf(row, columns)),
    );
    same(`whether ${table} of ${day} is closed in the lake`, [meta.closed], [isOver(day, watermark)]);
  }
}

/** In the order of the files: by block, or by hour, exchange and asset. */
function inOrder(table: LakeTable, rows: readonly Fields[]): readonly Fields[] {
  if (table !== "exchange_flows_hourly") return rows;
  const key = (row: Fields) => lineOf(row, ["hour", "exchange", "asset"]);
  return [...rows].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

function isOver(day: Day, watermark: number | null): boolean {
  return watermark !== null && dayEnd(day) <= watermark;
}

function orphans({ outcome: { final, released, reorgs }, chain }: Expected): readonly Fields[] {
  const left = reorgs.flatMap(({ orphaned }) => orphaned);
  const hashes = new Set<string>([...left, ...released.map(({ block }) => block.hash)]);
  for (const { hash } of final) hashes.delete(hash as string);
  return [...hashes].map((hash) => blockFields(chain.get(hash) as SimBlock, "orphaned"));
}

function blockFields({ height, hash, parent, time }: SimBlock, status: string): Fields {
  return { chain: CHAIN, height, block_hash: hash, parent_hash: parent, block_time: iso(time), status };
}

function legFields(block: SimBlock): readonly Fields[] {
  const { height, hash, time } = block;
  return legsOf(block).map((leg) => ({
    ...leg,
    chain: CHAIN,
    height,
    block_hash: hash,
    block_time: iso(time),
    label_version: LABEL_VERSION,
  }));
}

function hoursOf({ outcome: { final }, story: { timeRule } }: Expected): readonly Fields[] {
  if (final.length === 0) return [];
  return [...rowsOf({ blocks: final, timeRule }).values()].map((row) => ({ ...row, chain: CHAIN }));
}

function reorgFields({ outcome: { reorgs }, chain }: Expected): readonly Fields[] {
  return reorgs.map((reorg) => ({ chain: CHAIN, ...reorgRow(reorg, chain) }));
}

function chainFields({ outcome: { final }, story }: Expected): Fields {
  const { timeRule } = story;
  const [first] = final;
  const last = final.at(-1);
  if (first === undefined || last === undefined) return { chain: CHAIN, kind: kindOf(story) };
  const watermark = watermarkOf({ blocks: final, timeRule });
  return {
    chain: CHAIN,
    kind: kindOf(story),
    first_height: first.height,
    first_time: iso(first.time),
    final_height: last.height,
    final_hash: last.hash,
    final_time: iso(last.time),
    watermark: watermark === null ? null : iso(watermark),
  };
}

function columnsOf(table: keyof typeof COLUMNS): readonly string[] {
  return COLUMNS[table].split(" ");
}

function sorted(rows: readonly Fields[], columns: readonly string[]): readonly string[] {
  return rows.map((row) => lineOf(row, columns)).sort();
}

function lineOf(row: Fields, columns: readonly string[]): string {
  return columns.map((column) => seconds(String(row[column] ?? ""))).join("|");
}

/** Each store prints instants in its own way. */
function seconds(text: string): string {
  return /^\d{4}-\d\d-\d\dT.*Z$/.test(text) ? String(Date.parse(text) / 1000) : text;
}

function iso(time: number): string {
  return new Date(time * 1000).toISOString();
}
