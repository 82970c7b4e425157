import type { Aggregation, FirstBlock } from "../aggregation.ts";
import { type BlockRef, refOf } from "../block.ts";
import { flowsFromJson } from "../flow/json.ts";
import { textOf } from "./block-record.ts";
import { type AnnouncedBlock, type FinalPlace, readFinal, readNewestBranch } from "./branch.ts";
import type { Broker, OutgoingRecord } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";
import { Opened } from "./opened.ts";
import { finalRewind, rewindsOf } from "./rewind-record.ts";
import { type StageContext, stageId } from "./stage.ts";
import { readLast } from "./tail.ts";
import { replayTo } from "./take-back.ts";
import { Withheld } from "./withheld.ts";

/** Announcements that are written again, a transaction: blocks of main net are some 250 KB. */
const ANNOUNCED_AT_ONCE = 32;

/** A chain can't be put back to that height; nothing was changed. */
export class RewindImpossible extends Error {
  override readonly name = "RewindImpossible";
  readonly height: number;
  constructor(height: number, reason: string) {
    super(`no rewind to ${height}: ${reason}; nothing was changed`);
    this.height = height;
  }
}

/** What a rewind has done to final. */
export interface Rewound {
  /** Counts the chain's rewinds from 1. */
  readonly rewinds: number;
  /** The block that the chain goes on from. */
  readonly to: BlockRef;
  /** How many final blocks were taken back; 0: an earlier call did so, or only announcements that contradict them are passed over. */
  readonly blocks: number;
}

/** How a chain's hours are summed: `rewind` makes sure beforehand that they can be summed again. */
export interface HourRules {
  readonly lagS: number;
  readonly begin: (first: FirstBlock) => Aggregation;
}

/**
 * Takes back what is final above `height` (at the newest height: nothing), by one record in final: all stages and stores follow it. It and the offset from which
 * the gate goes on, where raw's newest branch leaves that block, are one Kafka transaction, so a rewind is there or it is not.
 * The chain's gate and ingest must not run: they are fenced. Throws `RewindImpossible`.
 */
export async function rewind(context: StageContext, height: number, rules: HourRules): Promise<Rewound> {
  const { broker, topics } = context;
  const final = await readFinal(broker, topics.final, height);
  const { block, newest } = finalAt(height, final);
  if (block === newest && block.isRewind) return { rewinds: block.rewinds, to: refOf(block), blocks: 0 };
  const branch = await branchAbove(context, block);
  await refuseForgotten(context, { block, newest }, rules);
  const opened = new Opened();
  try {
    const claimOf = (stage: string) =>
      opened.add(broker.claim({ group: stageId(context, stage), topic: topics.raw }, context.signal));
    await claimOf("ingest");
    const claim = await claimOf("gate");
    const rawNext = await announceAgain(context, branch, opened);
    const rewinds = newest.rewinds + 1;
    const writer = await opened.add(broker.openWriter(stageId(context, "gate")));
    const record = finalRewind(topics.final, { header: block, headers: block.headers, rewinds, rawNext });
    await writer.commit([record], { claim, offset: rawNext });
    return { rewinds, to: refOf(block), blocks: final.length - 1 };
  } finally {
    await opened.close();
  }
}

/** The block of `height`, and the newest one that is final. Throws `RewindImpossible`. */
function finalAt(height: number, final: readonly FinalPlace[]): { block: FinalPlace; newest: FinalPlace } {
  const [block] = final;
  const newest = final.at(-1);
  if (block === undefined || newest === undefined) throw new RewindImpossible(height, "nothing is final yet");
  if (height > newest.height)
    throw new RewindImpossible(height, `the newest final block is ${newest.height}`);
  if (block.height !== height)
    throw new RewindImpossible(height, `the final topic begins with block ${block.height}`);
  return { block, newest };
}

interface Branch {
  readonly blocks: readonly AnnouncedBlock[];
  readonly alone: boolean;
}

/** What raw's newest branch holds above `block`. Throws `RewindImpossible` where it does not build on it. */
async function branchAbove({ broker, topics }: StageContext, block: FinalPlace): Promise<Branch> {
  const { height, hash } = block;
  const { blocks, alone } = await readNewestBranch(broker, topics.raw, height + 1);
  const [oldest] = blocks;
  if (oldest === undefined) return { blocks: [], alone: true };
  if (oldest.height > height + 1) {
    throw new RewindImpossible(height, `raw does not reach back to block ${height + 1} any more`);
  }
  const builds =
    oldest.height === height + 1 ? oldest.parent === hash : await isFinal(broker, topics.final, oldest);
  if (builds) return oldest.height === height + 1 ? { blocks, alone } : { blocks: [], alone: true };
  throw new RewindImpossible(
    height,
    `the chain as its node has it now leaves the final blocks below that; \`sluice incident\` names the last block of both`,
  );
}

/** A node that went back: its head lies on the final chain, and nothing above the height is announced. */
async function isFinal(broker: Broker, topic: string, head: BlockRef): Promise<boolean> {
  const [known] = await readFinal(broker, topic, head.height);
  return known?.hash === head.hash;
}

/** The hours of the blocks that stay must be there to be summed again. Throws `RewindImpossible`. */
async function refuseForgotten(
  { broker, topics }: StageContext,
  { block, newest: { rewinds } }: { readonly block: FinalPlace; readonly newest: FinalPlace },
  { lagS, begin }: HourRules,
): Promise<void> {
  const last = await readLast(broker, topics.flows);
  // Flows that are behind, in blocks or in rewinds, have still to come to this one.
  if (last === undefined || rewindsOf(last) < rewinds) return;
  if (flowsFromJson(textOf(last)).height <= block.height) return;
  const { high } = await broker.bounds(topics.flows);
  try {
    await replayTo(broker, {
      topic: topics.flows,
      before: high,
      block,
      lagS,
      begin: ({ height, time }) => begin({ firstHeight: height, firstTime: time }),
    });
  } catch (error) {
    if (!(error instanceof OffsetOutOfRange)) throw error;
    throw new RewindImpossible(block.height, "the flows topic lost records of the hours that were open then");
  }
}

/**
 * From which offset of raw the gate goes on. Where more was announced since than the branch alone, the branch is announced once
 * more: what the node has left for good must not be released again.
 */
async function announceAgain(context: StageContext, branch: Branch, opened: Opened): Promise<number> {
  const { broker, topics } = context;
  const [oldest] = branch.blocks;
  const writer = await opened.add(broker.openWriter(stageId(context, "ingest")));
  const { high } = await broker.bounds(topics.raw);
  if (oldest === undefined) return high;
  if (branch.alone) return oldest.offset;
  const values = await opened.add(Promise.resolve(new Withheld(broker, topics.raw)));
  for (let at = 0; at < branch.blocks.length; at += ANNOUNCED_AT_ONCE) {
    const records: OutgoingRecord[] = [];
    for (const block of branch.blocks.slice(at, at + ANNOUNCED_AT_ONCE)) {
      const { key, value, headers } = await values.take(block.offset);
      records.push({ topic: topics.raw, key, value, headers });
    }
    await writer.commit(records);
  }
  return high;
}
