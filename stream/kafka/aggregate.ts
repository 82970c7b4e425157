import {
  type Aggregation,
  addBlock,
  beginAggregation,
  type FirstBlock,
  holdOffset,
  type WatermarkRule,
} from "../aggregation.ts";
import type { BlockRef } from "../block.ts";
import {
  flowsFromJson,
  hourlyKey,
  hourlyToJson,
  markFromJson,
  markToJson,
  RecordInvalid,
  WATERMARK_KEY,
} from "../flow/json.ts";
import type { BlockFlows, HourlyFlow, WatermarkMark } from "../flow/leg.ts";
import { textOf } from "./block-record.ts";
import type { KafkaRecord, OutgoingRecord } from "./broker.ts";
import { TopicEmptied } from "./errors.ts";
import { type Holder, type Outcome, readAllAgain, runHold } from "./hold.ts";
import { assertFollows, OrderBroken } from "./order.ts";
import {
  isRewind,
  rewindHeaders,
  rewindsOf,
  type Standing,
  stands,
  takenBackHeaders,
} from "./rewind-record.ts";
import type { StageContext, StageEvent } from "./stage.ts";
import { readLast } from "./tail.ts";
import { replayTo } from "./take-back.ts";

/**
 * Flows → exchange flows: after each block the rows that it changed, then its mark, exactly once.
 * `coverageLagS`: by how many seconds an earlier block of this chain may carry a later time.
 */
export async function runAggregate(
  context: StageContext,
  coverageLagS: number,
  watermarkRule: WatermarkRule = "stated",
): Promise<void> {
  const { broker, topics } = context;
  const begin = (first: FirstBlock) => beginAggregation(first, coverageLagS, watermarkRule);
  const lastMark = async () => {
    const record = await readLast(broker, topics.exchangeFlows);
    return record === undefined ? undefined : { ...markOf(record), rewinds: rewindsOf(record) };
  };
  await runHold(context, {
    stage: "aggregate",
    input: topics.flows,
    heightOf: (record) => flowsFromJson(textOf(record)).height,
    outputs: [topics.exchangeFlows],
    mendMoved: readAllAgain,
    standing: async () => (await lastMark())?.height,
    open: async (committed) => {
      const mark = await lastMark();
      if (committed !== undefined && mark === undefined) throw new TopicEmptied(topics.exchangeFlows);
      return new Aggregate(context, { begin, coverageLagS }, { mark, committed });
    },
  });
}

/** The chain's own rules for its hours. */
interface Rules {
  readonly begin: (first: FirstBlock) => Aggregation;
  readonly coverageLagS: number;
}

class Aggregate implements Holder {
  readonly #context: StageContext;
  readonly #rules: Rules;
  /** The last block whose outcome stands. */
  #mark: (WatermarkMark & Standing) | undefined;
  #last: BlockRef | undefined;
  #state: Aggregation | undefined;
  /** Where this replay began, and how many rewinds the record counts that it has come to. */
  readonly #committed: number | undefined;
  #rewinds = 0;
  /** Offset of the first block above `until`. */
  #above: number | undefined;

  constructor(
    context: StageContext,
    rules: Rules,
    standing: {
      readonly mark: (WatermarkMark & Standing) | undefined;
      readonly committed: number | undefined;
    },
  ) {
    this.#context = context;
    this.#rules = rules;
    this.#mark = standing.mark;
    this.#committed = standing.committed;
  }

  process(record: KafkaRecord): Iterable<Outcome> | AsyncIterable<Outcome> {
    const flows = flowsFromJson(textOf(record));
    this.#rewinds = rewindsOf(record);
    if (this.#context.until !== undefined && flows.height > this.#context.until) {
      this.#above = record.offset;
      return [];
    }
    return isRewind(record) ? this.#takeBack(record, flows) : this.#add(record, flows);
  }

  *#add(record: KafkaRecord, flows: BlockFlows): Generator<Outcome> {
    const place = { height: flows.height, hash: flows.hash, rewinds: rewindsOf(record) };
    this.#assertWhole(record, flows);
    assertFollows(record, this.#last ?? this.#beforeReplay(place), flows);
    const { state, changed, mark } = addBlock(this.#state ?? this.#begin(flows), flows, record.offset);
    this.#state = state;
    this.#last = flows;
    if (stands(place, this.#mark)) return;
    this.#mark = { ...mark, rewinds: place.rewinds };
    yield {
      records: this.#records(changed, this.#mark),
      hold: holdOffset(state, record.offset + 1),
      event: written(flows),
    };
  }

  /** The hours as they were after the block that the chain goes on from: found by reading flows once more, never remembered. */
  async *#takeBack(record: KafkaRecord, block: BlockFlows): AsyncGenerator<Outcome> {
    const { state, mark, restated, gone } = await replayTo(this.#context.broker, {
      topic: record.topic,
      before: record.offset,
      block,
      lagS: this.#rules.coverageLagS,
      begin: (first) => this.#begin(first),
    });
    this.#state = state;
    this.#last = block;
    const rewinds = rewindsOf(record);
    if (stands({ height: block.height, rewinds }, this.#mark)) return;
    this.#mark = { ...mark, rewinds };
    const { exchangeFlows: topic } = this.#context.topics;
    const headers = takenBackHeaders(rewinds);
    yield {
      records: [
        ...gone.map((key) => ({ topic, key, value: null, headers })),
        ...this.#records(restated, this.#mark).map((one) => ({ ...one, headers })),
      ],
      hold: holdOffset(state, record.offset + 1),
      event: written(block),
    };
  }

  hold(next: number): number {
    // On the way to a rewind that stands, hours are those of blocks that it took back: the next start has to come by it again.
    if (this.#rewinds < (this.#mark?.rewinds ?? 0)) return this.#committed ?? next;
    const end = this.#above ?? next;
    return this.#state === undefined ? end : holdOffset(this.#state, end);
  }

  done(): boolean {
    const { until } = this.#context;
    return until !== undefined && (this.#above !== undefined || (this.#mark?.height ?? -1) >= until);
  }

  async close(): Promise<void> {}

  /** The chain's first block is what the marks say it is, wherever a replay begins. */
  #begin(flows: BlockFlows): Aggregation {
    const { firstHeight, firstTime } = this.#mark ?? { firstHeight: flows.height, firstTime: flows.time };
    return this.#rules.begin({ firstHeight, firstTime });
  }

  /** A replay that begins above a block that open hours rest on would sum them too low. */
  #assertWhole(record: KafkaRecord, first: BlockRef): void {
    if (this.#last !== undefined || this.#mark === undefined) return;
    const { openFrom } = this.#mark;
    if (openFrom !== null && first.height > openFrom) throw new OrderBroken(record, this.#mark, first);
  }

  /** A replay may begin anywhere up to the block after the last mark, never beyond it. */
  #beforeReplay(first: BlockRef & Standing): BlockRef | undefined {
    return stands(first, this.#mark) ? undefined : this.#mark;
  }

  #records(changed: readonly HourlyFlow[], mark: WatermarkMark & Standing): readonly OutgoingRecord[] {
    const topic = this.#context.topics.exchangeFlows;
    const counted = mark.rewinds === 0 ? {} : { headers: rewindHeaders(mark.rewinds) };
    return [
      ...changed.map((row) => ({ topic, key: hourlyKey(row), value: Buffer.from(hourlyToJson(row)) })),
      { topic, key: WATERMARK_KEY, value: Buffer.from(markToJson(mark)), ...counted },
    ];
  }
}

function written({ height }: BlockRef): StageEvent {
  return { kind: "written", stage: "aggregate", height };
}

/** Each transaction of aggregate ends with a mark, and compaction never takes a topic's last record. */
function markOf(record: KafkaRecord): WatermarkMark {
  if (record.key !== WATERMARK_KEY) {
    throw new RecordInvalid(
      `${record.topic} ends with ${record.key}, not with a watermark; only aggregate may write there`,
    );
  }
  return markFromJson(textOf(record));
}
