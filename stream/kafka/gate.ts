import { type BlockHash, type BlockRef, refOf } from "../block.ts";
import {
  advance,
  EMPTY_GATE,
  type FinalityPolicy,
  type GateState,
  type Reorg,
  type UnfinalizedBlock,
} from "../finality.ts";
import { reorgFromJson, reorgToJson } from "../flow/json.ts";
import { unreachable } from "../unreachable.ts";
import { headerHeight } from "./beginning.ts";
import {
  announcementOf,
  blockHeaderOf,
  bytesOf,
  FINALIZED_HEADER,
  RAW_NEXT_HEADER,
  rawNextOf,
  textOf,
} from "./block-record.ts";
import type { KafkaRecord, OutgoingRecord } from "./broker.ts";
import { OffsetOutOfRange, TopicEmptied, TopicMisconfigured } from "./errors.ts";
import { type Holder, type Outcome, runHold } from "./hold.ts";
import { assertFollows, OrderBroken } from "./order.ts";
import { keptOf, rewindHeaders, rewindsOf } from "./rewind-record.ts";
import type { StageContext } from "./stage.ts";
import { readBetween, readLast, readTail } from "./tail.ts";
import { Withheld } from "./withheld.ts";

/** As many released blocks as the core remembers: with fewer, a block announced again after a restart would look like a rival. */
const STANDING_BLOCKS = 128;

/** An announcement contradicts a released block: the chain halts (exit code 3) until an operator decides. */
export class FinalityViolation extends Error {
  override readonly name = "FinalityViolation";
  readonly released: BlockRef;
  readonly rival: BlockRef;
  constructor(released: BlockRef, rival: BlockRef) {
    super(
      `block ${rival.height} (${rival.hash}) contradicts released block ${released.height} (${released.hash}); ` +
        `nothing was changed; see "When a chain halts" in the README`,
    );
    this.released = refOf(released);
    this.rival = refOf(rival);
  }
}

/** A block was announced whose parent was not: the chain halts (exit code 3), since ingest never does that. */
export class AnnouncementGap extends Error {
  override readonly name = "AnnouncementGap";
  readonly rival: BlockRef;
  readonly unknownParent: BlockHash;
  constructor(rival: BlockRef, unknownParent: BlockHash) {
    super(
      `block ${rival.height} (${rival.hash}) was announced but its parent ${unknownParent} is not on the gate's branch; ` +
        `nothing was changed; see "When a chain halts" in the README`,
    );
    this.rival = refOf(rival);
    this.unknownParent = unknownParent;
  }
}

/**
 * The gate of one chain: raw → final and reorgs, each final block exactly once and in order.
 * Throws `FinalityViolation` or `AnnouncementGap` when the chain must halt, `TopicEmptied` where raw or final was deleted.
 */
export async function runGate(context: StageContext, policy: FinalityPolicy): Promise<void> {
  const { broker, topics } = context;
  await runHold(context, {
    stage: "gate",
    input: topics.raw,
    heightOf: headerHeight,
    outputs: [topics.final, topics.reorgs],
    mendMoved: () =>
      `stop the chain's stages and run sluice rewind ${context.chain} --to <its newest final height> --yes, which takes nothing back`,
    standing: async () => {
      const last = await readLast(broker, topics.final);
      return last === undefined ? undefined : blockHeaderOf(last).height;
    },
    open: (committed) => openGate(context, policy, committed),
  });
}

/** The gate as it is after what stands in final and reorgs. `committed`: the offset of raw that it goes on from. */
export async function openGate(
  context: StageContext,
  policy: FinalityPolicy,
  committed: number | undefined,
): Promise<Holder> {
  const { broker, topics } = context;
  const tail = await readTail(broker, topics.final, STANDING_BLOCKS, (record) => ({
    ...refOf(blockHeaderOf(record)),
    rewinds: rewindsOf(record),
    rawNext: rawNextOf(record),
  }));
  const newest = tail.at(-1);
  const lastReorg = await readLast(broker, topics.reorgs);
  const lastReorgOffset = lastReorg === undefined ? -1 : reorgFromJson(textOf(lastReorg)).rawOffset;
  if (newest === undefined && committed !== undefined && lastReorgOffset < committed)
    await refuseEmptied(context, committed);
  if (newest !== undefined) await refuseAnew(context, Math.max(lastReorgOffset, (newest.rawNext ?? 0) - 1));
  return new Gate(context, policy, {
    blocks: keptOf(tail).map(refOf),
    rewinds: newest?.rewinds ?? 0,
    lastReorgOffset,
    start: newest === undefined ? undefined : startBehind(topics.final, newest.rawNext, committed),
  });
}

function startBehind(final: string, rawNext: number | undefined, committed: number | undefined): number {
  if (rawNext !== undefined) return Math.max(committed ?? 0, rawNext);
  if (committed !== undefined) return committed;
  const reason = "was written by an older Sluice, and the offset at which its gate stood is gone";
  throw new TopicMisconfigured(final, reason, "begin anew with another kafka.topicPrefix");
}

/** Until a first block is released, the first block of raw (or the rival that a reorg tells of) is still needed. */
async function refuseEmptied({ broker, topics }: StageContext, committed: number): Promise<void> {
  const { low } = await broker.bounds(topics.raw);
  for await (const _ of readBetween(broker, { topic: topics.raw, from: low, to: committed }))
    throw new TopicEmptied(topics.final);
}

/** Raw made anew holds other announcements at the offsets by which reorgs and final blocks are known. */
async function refuseAnew({ broker, topics }: StageContext, known: number): Promise<void> {
  const { high } = await broker.bounds(topics.raw);
  if (high === 0) throw new TopicEmptied(topics.raw);
  if (high <= known) throw new OffsetOutOfRange(topics.raw, known);
}

/**
 * What final and reorgs end with. `start`: the offset of raw from which it goes on; undefined: nothing is final yet. A group's
 * offset may be lost or put back: behind the announcement of the newest final block raw holds only what builds on it.
 */
interface Standing {
  readonly blocks: readonly BlockRef[];
  readonly rewinds: number;
  /** Of raw; -1: no reorg stands. */
  readonly lastReorgOffset: number;
  readonly start: number | undefined;
}

class Gate implements Holder {
  readonly start: number | undefined;
  readonly #context: StageContext;
  readonly #policy: FinalityPolicy;
  readonly #values: Withheld;
  readonly #rewinds: number;
  readonly #lastReorgOffset: number;
  #state: GateState;
  #isFirst = true;
  #last: BlockRef | undefined;
  /** The oldest block above `until`: the policy would release it, but it has to wait for another run. */
  #above: UnfinalizedBlock | undefined;

  constructor(context: StageContext, policy: FinalityPolicy, standing: Standing) {
    this.#context = context;
    this.#policy = policy;
    this.#values = new Withheld(context.broker, context.topics.raw);
    this.#last = standing.blocks.at(-1);
    this.#rewinds = standing.rewinds;
    this.#lastReorgOffset = standing.lastReorgOffset;
    this.#state = { ...EMPTY_GATE, released: standing.blocks };
    this.start = standing.start;
  }

  async *process(record: KafkaRecord): AsyncGenerator<Outcome> {
    const announcement = announcementOf(record);
    const step = advance(this.#state, announcement, this.#policy);
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    switch (step.kind) {
      case "advanced":
        if (isFirst) this.#assertReaches(record, announcement);
        this.#state = step.state;
        this.#values.keep(record);
        yield* this.#reorg(step.reorg, step.released);
        yield* this.#release(step.released, record.offset + 1);
        return;
      case "duplicate":
        this.#state = step.state;
        yield* this.#release(step.released, record.offset + 1);
        return;
      case "violation":
        throw this.#incident(new FinalityViolation(step.released, step.rival), record.offset);
      case "gap":
        if (isFirst) throw new OrderBroken(record, this.#last ?? step.rival, step.rival);
        throw this.#incident(new AnnouncementGap(step.rival, step.unknownParent), record.offset);
      default:
        unreachable(step);
    }
  }

  hold(next: number): number {
    return this.#above?.offset ?? this.#state.unfinalized[0]?.offset ?? next;
  }

  done(): boolean {
    const { until } = this.#context;
    return until !== undefined && (this.#above !== undefined || (this.#last?.height ?? -1) >= until);
  }

  close(): Promise<void> {
    return this.#values.close();
  }

  /** A replay begins anywhere up to the block after the last final one, never beyond it. */
  #assertReaches(record: KafkaRecord, first: BlockRef): void {
    if (this.#last !== undefined && first.height > this.#last.height + 1)
      throw new OrderBroken(record, this.#last, first);
  }

  *#reorg(reorg: Reorg | undefined, released: readonly UnfinalizedBlock[]): Generator<Outcome> {
    if (reorg === undefined) return;
    this.#values.retain(new Set([...released, ...this.#state.unfinalized].map((block) => block.offset)));
    if (reorg.rawOffset <= this.#lastReorgOffset) return;
    const { depth, newTip, orphaned } = reorg;
    yield {
      records: [reorgRecord(this.#context.topics.reorgs, reorg)],
      hold: released[0]?.offset ?? this.hold(reorg.rawOffset + 1),
      event: { kind: "reorg", depth, newTip, orphaned },
    };
  }

  async *#release(released: readonly UnfinalizedBlock[], next: number): AsyncGenerator<Outcome> {
    for (const [index, block] of released.entries()) {
      if (this.#context.until !== undefined && block.height > this.#context.until) {
        this.#above = block;
        return;
      }
      const record = await this.#values.take(block.offset);
      assertFollows({ topic: this.#context.topics.raw, offset: block.offset }, this.#last, block);
      this.#last = block;
      yield {
        records: [finalRecord(this.#context.topics.final, record, this.#rewinds)],
        hold: released[index + 1]?.offset ?? this.hold(next),
        event: { kind: "released", block: { height: block.height, hash: block.hash }, tip: this.#tip() },
      };
    }
  }

  #tip(): number {
    return this.#state.unfinalized.at(-1)?.height ?? this.#state.released.at(-1)?.height ?? 0;
  }

  #incident<E extends FinalityViolation | AnnouncementGap>(error: E, rawOffset: number): E {
    this.#context.log.error(
      {
        ...(error instanceof FinalityViolation
          ? { released: error.released }
          : {
              unknownParent: error.unknownParent,
              released: this.#last === undefined ? undefined : refOf(this.#last),
            }),
        rival: error.rival,
        rawOffset,
        remedy: error.message,
      },
      "incident",
    );
    return error;
  }
}

function reorgRecord(topic: string, reorg: Reorg): OutgoingRecord {
  return { topic, key: String(reorg.rawOffset), value: Buffer.from(reorgToJson(reorg)) };
}

/** A final record is the raw one, without what the node called finalized when it was announced, and with where raw goes on. */
function finalRecord(topic: string, raw: KafkaRecord, rewinds: number): OutgoingRecord {
  const { [FINALIZED_HEADER]: _, ...headers } = raw.headers;
  const own = { [RAW_NEXT_HEADER]: String(raw.offset + 1), ...rewindHeaders(rewinds) };
  return { topic, key: raw.key, value: bytesOf(raw), headers: { ...headers, ...own } };
}
