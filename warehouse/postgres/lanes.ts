import { refuseBelowBeginning } from "../../stream/kafka/beginning.ts";
import type { KafkaRecord, Reader } from "../../stream/kafka/broker.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import type { OrderCheck } from "../order.ts";
import { type Applied, applyBatch, beginLane, type Lane, type Progress, readProgress } from "./batch.ts";
import type { Database } from "./client.ts";
import { orderOf } from "./order.ts";
import { persist } from "./persist.ts";
import { cutAt } from "./until.ts";

/** What the lanes of a chain share. `halt` ends them; `onStored` is told after each batch. */
export interface LaneEdge {
  readonly context: StageContext;
  readonly db: Database;
  readonly halt: AbortSignal;
  readonly onStored: (lane: Lane, applied: Applied) => Promise<void>;
}

/** What one database transaction takes at most: a second or two of blocks in a backfill, bounded in memory. */
const BATCH = { maxRecords: 500, maxBytes: 8 * 1024 * 1024 };

/** Stores every topic of a chain at once, each in its own order; returns when all are through `until`, or `halt` aborts. */
export async function runLanes(edge: LaneEdge, lanes: readonly Lane[]): Promise<void> {
  const failed = new AbortController();
  const halt = AbortSignal.any([edge.halt, failed.signal]);
  const shared = { ...edge, halt, reorgs: awaitedReorgs() };
  const ended = await Promise.allSettled(
    lanes.map(async (lane) => {
      try {
        await runLane(shared, lane);
      } catch (error) {
        if (halt.aborted) return;
        failed.abort();
        throw error;
      }
    }),
  );
  const failure = ended.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

interface Shared extends LaneEdge {
  readonly reorgs: AwaitedReorgs;
}

/** Before the final block `until` is stored, the reorgs that came before it are: so the block alone says that all is through. */
interface AwaitedReorgs {
  /** Where the reorgs topic ended when the final block `until` had been read. */
  end: number | undefined;
  readonly stored: Promise<void>;
  readonly markStored: () => void;
}

function awaitedReorgs(): AwaitedReorgs {
  let markStored = () => {};
  const stored = new Promise<void>((resolve) => {
    markStored = resolve;
  });
  return { end: undefined, stored, markStored };
}

async function runLane(shared: Shared, lane: Lane): Promise<void> {
  let progress = await begin(shared, lane);
  const inOrder = await orderFrom(shared, lane, progress);
  const reader = await shared.context.broker.openReader(lane.topic, progress.next);
  try {
    while (!shared.halt.aborted && !isThrough(shared, lane, progress, reader)) {
      const found = await reader.read(BATCH);
      await inOrder(found);
      const records = wanted(shared, lane, found);
      if (records === "none left")
        return await refuseBelowBeginning(shared.context, shared.context.topics.final);
      if (records.length === 0) continue;
      if (lane.kind === "final") await reorgsFirst(shared, records);
      if (shared.halt.aborted) return;
      progress = await store(shared, lane, progress, records);
    }
    if (lane.kind === "reorgs") shared.reorgs.markStored();
  } finally {
    if (lane.kind === "final") shared.reorgs.end ??= 0;
    await reader.close();
  }
}

/** Where the lane stands; one that never began does so where its topic begins. */
async function begin({ context, db, halt }: Shared, lane: Lane): Promise<Progress> {
  const { low } = await context.broker.bounds(lane.topic);
  return persist(
    async () => {
      await beginLane(db, lane, low);
      const progress = await readProgress(db, lane.chain);
      return progress.get(lane.topic) ?? { next: low, through: undefined };
    },
    { place: db.place, ...context, signal: halt },
  );
}

function orderFrom({ context, db, halt }: Shared, lane: Lane, progress: Progress): Promise<OrderCheck> {
  const edge = { db, broker: context.broker };
  return persist(() => orderOf(edge, lane, progress), { place: db.place, ...context, signal: halt });
}

function isThrough({ context, reorgs }: Shared, lane: Lane, progress: Progress, reader: Reader): boolean {
  if (context.until === undefined) return false;
  if (lane.kind === "reorgs") return reorgs.end !== undefined && reader.position() >= reorgs.end;
  return progress.through !== undefined && progress.through >= context.until;
}

/** What of `records` is to be stored; `none left` when all of it lies above `until`. */
function wanted(
  { context: { until } }: Shared,
  lane: Lane,
  records: readonly KafkaRecord[],
): readonly KafkaRecord[] | "none left" {
  if (until === undefined || records.length === 0) return records;
  const cut = cutAt(lane.kind, records, until);
  return cut.length === 0 ? "none left" : cut;
}

/** Returns when the reorgs stand, or all is to stop: where their lane fails, the block must not be stored without them. */
async function reorgsFirst(
  { context, reorgs, halt }: Shared,
  records: readonly KafkaRecord[],
): Promise<void> {
  const last = records.at(-1);
  if (context.until === undefined || last === undefined || Number(last.headers["height"]) < context.until)
    return;
  reorgs.end = (await context.broker.bounds(context.topics.reorgs)).high;
  await Promise.race([reorgs.stored, aborted(halt)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Stores a batch however often Postgres goes away meanwhile; a commit whose answer was lost shows in the stored offset. */
async function store(
  { context, db, halt, onStored }: Shared,
  lane: Lane,
  from: Progress,
  records: readonly KafkaRecord[],
): Promise<Progress> {
  const next = (records.at(-1)?.offset ?? from.next) + 1;
  let inDoubt = false;
  const done = await persist(
    async () => {
      const stands = inDoubt ? (await readProgress(db, lane.chain)).get(lane.topic) : undefined;
      if (stands?.next === next) return { ...stands, labelVersions: [] };
      inDoubt = true;
      return applyBatch(db, lane, from.next, records);
    },
    { place: db.place, ...context, signal: halt },
  );
  const progress = { next: done.next, through: done.through ?? from.through };
  await onStored(lane, { ...done, ...progress });
  return progress;
}
