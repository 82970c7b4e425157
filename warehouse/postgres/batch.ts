import type { BlockHeader, ChainName } from "../../stream/block.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { Fenced } from "../../stream/kafka/errors.ts";
import { timestamp } from "../rows.ts";
import type { Database, DbTransaction, Queryable } from "./client.ts";
import { mergeRows } from "./copy.ts";
import { type Staged, stageRecords, type TopicKind } from "./staging.ts";
import { splitAtRewinds, takeBack } from "./take-back.ts";

/** One topic of one chain, and who writes it (the name that `Fenced` gives). */
export interface Lane {
  readonly chain: ChainName;
  readonly topic: string;
  readonly kind: TopicKind;
  readonly owner: string;
}

/** How far a topic stands in the tables; `through` is the height of the last block wholly stored. */
export interface Progress {
  readonly next: number;
  readonly through: number | undefined;
}

/** What a batch brought its topic to. */
export interface Applied extends Progress {
  /** The versions of labels by which its legs were made. */
  readonly labelVersions: readonly string[];
}

/** How far each topic of a chain stands; topics that never were written are missing. */
export async function readProgress(db: Queryable, chain: ChainName): Promise<ReadonlyMap<string, Progress>> {
  const rows = await db.query<{ topic: string; next_offset: string; through_height: string | null }>(
    "select topic, next_offset, through_height from sluice.offsets where chain = $1",
    [chain],
  );
  return new Map(rows.map((row) => [row.topic, progressOf(row.next_offset, row.through_height)]));
}

/** Begins a topic at `offset` unless it has begun already. */
export async function beginLane(db: Queryable, lane: Lane, offset: number): Promise<void> {
  await db.query(
    "insert into sluice.offsets (chain, topic, next_offset) values ($1, $2, $3) on conflict do nothing",
    [lane.chain, lane.topic, offset],
  );
}

/**
 * Stores the records of a topic from `from` on: rows and offset in one database transaction, which goes on only if the
 * stored offset equals `from`. Throws `Fenced` if it does not: another copy wrote this topic.
 */
export async function applyBatch(
  db: Database,
  lane: Lane,
  from: number,
  records: readonly KafkaRecord[],
): Promise<Applied> {
  const wanted = records.filter((record) => record.offset >= from);
  const last = wanted.at(-1);
  if (last === undefined) return { next: from, through: undefined, labelVersions: [] };
  const parts = splitAtRewinds(wanted).map((part) => stageRecords(lane.kind, lane.chain, part));
  const through = parts.findLast((part) => part.through !== undefined)?.through;
  const next = last.offset + 1;
  await db.transaction(async (dbTransaction) => {
    await lockOffset(dbTransaction, lane, from);
    for (const staged of parts) await writeStaged(dbTransaction, lane.chain, staged);
    await dbTransaction.query(
      `update sluice.offsets set next_offset = $3, through_height = coalesce($4, through_height)
       where chain = $1 and topic = $2`,
      [lane.chain, lane.topic, next, through ?? null],
    );
  });
  return { next, through, labelVersions: parts.flatMap((part) => part.labelVersions) };
}

async function lockOffset(dbTransaction: DbTransaction, lane: Lane, from: number): Promise<void> {
  const [row] = await dbTransaction.query<{ next_offset: string }>(
    "select next_offset from sluice.offsets where chain = $1 and topic = $2 for update",
    [lane.chain, lane.topic],
  );
  if (row === undefined || Number(row.next_offset) !== from) throw new Fenced(lane.owner);
}

async function writeStaged(dbTransaction: DbTransaction, chain: ChainName, staged: Staged): Promise<void> {
  if (staged.takenBack !== undefined) await takeBack(dbTransaction, chain, staged.takenBack);
  for (const month of staged.months) {
    await dbTransaction.query("select sluice.make_flow_legs_partition($1::date)", [month]);
  }
  for (const { target, rows } of staged.tables) await mergeRows(dbTransaction, target, rows);
  if (staged.final !== undefined) await advanceChain(dbTransaction, chain, staged.final);
  // A mark without a watermark says nothing new, unless a rewind went back to where there was none.
  if (staged.mark !== undefined && (staged.mark.watermark !== null || staged.takenBack !== undefined)) {
    const watermark = staged.mark.watermark === null ? null : timestamp(staged.mark.watermark);
    await dbTransaction.query("update public.chains set watermark = $2 where chain = $1", [chain, watermark]);
  }
}

async function advanceChain(
  dbTransaction: DbTransaction,
  chain: ChainName,
  { first, last }: { readonly first: BlockHeader; readonly last: BlockHeader },
): Promise<void> {
  await dbTransaction.query(
    `update public.chains set
       first_height = coalesce(first_height, $2), first_time = coalesce(first_time, $3),
       final_height = $4, final_hash = $5, final_time = $6
     where chain = $1`,
    [chain, first.height, timestamp(first.time), last.height, last.hash, timestamp(last.time)],
  );
}

function progressOf(next: string, through: string | null): Progress {
  return { next: Number(next), through: through === null ? undefined : Number(through) };
}
