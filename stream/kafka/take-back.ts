import { type Aggregation, addBlock, HOUR_S } from "../aggregation.ts";
import type { BlockRef } from "../block.ts";
import { flowsFromJson, hourlyKey } from "../flow/json.ts";
import type { BlockFlows, HourlyFlow, WatermarkMark } from "../flow/leg.ts";
import { textOf } from "./block-record.ts";
import type { Broker } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";
import { OrderBroken } from "./order.ts";
import { isRewind, keptOf } from "./rewind-record.ts";
import { lookBack, type Range, readBetween } from "./tail.ts";

/** Offsets of a first look back: an hour of Ethereum's blocks and more. */
const FIRST_WINDOW = 512;

/** To which block of a flows topic, as it stands before offset `before`, the hours go back. */
export interface ReplayGoal {
  readonly topic: string;
  readonly before: number;
  readonly block: BlockRef;
  /** By how many seconds an earlier block may carry a later time. */
  readonly lagS: number;
  /** The aggregates before any block; a first block that is known otherwise wins over the one given. */
  readonly begin: (first: BlockFlows) => Aggregation;
}

/** The hours after a block, and what the blocks above it have changed since. */
export interface Replay {
  readonly state: Aggregation;
  readonly mark: WatermarkMark;
  /** Rows that blocks above have changed, as they were. */
  readonly restated: readonly HourlyFlow[];
  /** Keys of rows that only blocks above have made. */
  readonly gone: readonly string[];
}

/**
 * Reads flows once more, from far enough back that every hour which was open after the block is whole.
 * Throws `OffsetOutOfRange` when the topic does not reach that far any more, `OrderBroken` when it holds another block there.
 */
export async function replayTo(broker: Broker, goal: ReplayGoal): Promise<Replay> {
  const { low } = await broker.bounds(goal.topic);
  const replay = await lookBack(
    { low, high: goal.before, window: FIRST_WINDOW },
    (from) => replayFrom(broker, goal, from),
    (found) => found !== undefined,
  );
  if (replay === undefined) throw new OffsetOutOfRange(goal.topic, low - 1);
  return replay;
}

/** A block that stands before the rewind, by its place. */
interface Place {
  readonly offset: number;
  readonly height: number;
}

/** Undefined: an hour that was open may have begun before `from`. */
async function replayFrom(broker: Broker, goal: ReplayGoal, from: number): Promise<Replay | undefined> {
  const range = { topic: goal.topic, from, to: goal.before };
  const kept = await keptOffsets(broker, range);
  const fold = new Fold(goal);
  for await (const record of readBetween(broker, range)) {
    if (kept.has(record.offset)) fold.add(flowsFromJson(textOf(record)), record.offset);
  }
  return fold.result();
}

/** What earlier rewinds have not taken back already. */
async function keptOffsets(broker: Broker, range: Range): Promise<ReadonlySet<number>> {
  const places: (Place & { readonly isRewind: boolean })[] = [];
  for await (const record of readBetween(broker, range)) {
    const { height } = flowsFromJson(textOf(record));
    // A rewind leaves its own height as it was: it counts as the block above it, which has not come yet.
    places.push({
      offset: record.offset,
      height: isRewind(record) ? height + 1 : height,
      isRewind: isRewind(record),
    });
  }
  return new Set(
    keptOf(places)
      .filter((place) => !place.isRewind)
      .map((place) => place.offset),
  );
}

/** Adds up the blocks up to the goal, and notes which rows those above it change. */
class Fold {
  readonly #goal: ReplayGoal;
  readonly #changed = new Map<string, HourlyFlow>();
  #first: BlockFlows | undefined;
  #below: { readonly state: Aggregation; readonly mark: WatermarkMark } | undefined;
  #above: Aggregation | undefined;

  constructor(goal: ReplayGoal) {
    this.#goal = goal;
  }

  add(flows: BlockFlows, offset: number): void {
    const { block } = this.#goal;
    if (flows.height > block.height && this.#below === undefined) return;
    this.#first ??= flows;
    const before = this.#above ?? this.#below?.state ?? this.#goal.begin(flows);
    const outcome = addBlock(before, flows, offset);
    if (flows.height > block.height) {
      this.#above = outcome.state;
      for (const row of outcome.changed) this.#changed.set(hourlyKey(row), row);
      return;
    }
    if (flows.height === block.height && flows.hash !== block.hash)
      throw new OrderBroken({ topic: this.#goal.topic, offset }, block, flows);
    this.#below = outcome;
  }

  result(): Replay | undefined {
    if (this.#below === undefined || this.#first === undefined) return undefined;
    const { state, mark } = this.#below;
    if (mark.height !== this.#goal.block.height || !this.#isWhole(state, mark)) return undefined;
    const rows = [...state.hours.values()].flatMap((hour) => [...hour.rows.values()]);
    const standing = new Set(rows.map(hourlyKey));
    return {
      state,
      mark,
      restated: rows.filter((row) => this.#changed.has(hourlyKey(row))),
      gone: [...this.#changed.keys()].filter((key) => !standing.has(key)),
    };
  }

  /** Whether no block before the first one read can have fallen into an hour that is open after the goal. */
  #isWhole(state: Aggregation, { watermark }: WatermarkMark): boolean {
    if (this.#first === undefined) return false;
    if (this.#first.height === state.first.firstHeight) return true;
    if (watermark === null) return false;
    return this.#first.time + this.#goal.lagS < watermark - (watermark % HOUR_S);
  }
}
