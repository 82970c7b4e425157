import { type BlockRef, refOf } from "../block.ts";
import type { FinalityPolicy } from "../finality.ts";
import { unreachable } from "../unreachable.ts";
import { blockHeaderOf } from "./block-record.ts";
import { forkOf, readFinal, readNewestBranch } from "./branch.ts";
import type { KafkaRecord } from "./broker.ts";
import { AnnouncementGap, FinalityViolation, openGate } from "./gate.ts";
import type { StageContext } from "./stage.ts";
import { readBetween, readLast } from "./tail.ts";

/** How far below the newest final block the last one of both branches is looked for. */
const FORK_DEPTH = 1000;

/** What halted a chain. `rawOffset`: of the announcement that did; `announcedMs`: when it came, Unix milliseconds. */
export interface Incident {
  readonly kind: "finality violation" | "announcement gap";
  readonly rival: BlockRef;
  /** The released block that it contradicts. */
  readonly released: BlockRef | undefined;
  readonly rawOffset: number;
  readonly announcedMs: number | undefined;
  /** The newest final block that the chain, as its node has it now, still builds on; undefined: none within a thousand. */
  readonly fork: BlockRef | undefined;
  /** The newest final block: where the chain builds on it again, a rewind to it takes nothing back. */
  readonly newest: BlockRef | undefined;
  readonly message: string;
}

/**
 * What a gate would halt at if it started now, found as the gate finds it: from raw and final alone, without being one.
 * `committed`: the offset of raw that the gate goes on from. Undefined: it would go on.
 */
export async function findIncident(
  context: StageContext,
  policy: FinalityPolicy,
  committed: number | undefined,
): Promise<Incident | undefined> {
  const { broker, topics } = context;
  const { low, high } = await broker.bounds(topics.raw);
  const gate = await openGate(context, policy, committed);
  try {
    for await (const record of readBetween(broker, {
      topic: topics.raw,
      from: gate.start ?? committed ?? low,
      to: high,
    })) {
      const step = await trial(() => gate.process(record));
      switch (step.kind) {
        case "silent":
          continue;
        // A gate that halted has written all that came before: one that still has something to write has not.
        case "written":
          return undefined;
        case "halted":
          return await describe(context, step.error, record);
        default:
          unreachable(step);
      }
    }
    return undefined;
  } finally {
    await gate.close();
  }
}

type Trial =
  | { readonly kind: "silent" }
  | { readonly kind: "written" }
  | { readonly kind: "halted"; readonly error: FinalityViolation | AnnouncementGap };

async function trial(process: () => Iterable<unknown> | AsyncIterable<unknown>): Promise<Trial> {
  try {
    for await (const _ of process()) return { kind: "written" };
    return { kind: "silent" };
  } catch (error) {
    if (error instanceof FinalityViolation || error instanceof AnnouncementGap)
      return { kind: "halted", error };
    throw error;
  }
}

async function describe(
  { broker, topics }: StageContext,
  error: FinalityViolation | AnnouncementGap,
  record: KafkaRecord,
): Promise<Incident> {
  const last = await readLast(broker, topics.final);
  const newest = last === undefined ? undefined : blockHeaderOf(last);
  const from = Math.max(0, (newest?.height ?? 0) - FORK_DEPTH);
  const final = await readFinal(broker, topics.final, from);
  const branch = await readNewestBranch(broker, topics.raw, from);
  const fork = forkOf(final, branch.blocks);
  return {
    kind: error instanceof FinalityViolation ? "finality violation" : "announcement gap",
    rival: error.rival,
    released: error instanceof FinalityViolation ? error.released : undefined,
    rawOffset: record.offset,
    announcedMs: record.appendedMs,
    fork: fork === undefined ? undefined : refOf(fork),
    newest: newest === undefined ? undefined : refOf(newest),
    message: error.message,
  };
}
