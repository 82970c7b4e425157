import type { BlockHash, ChainName } from "../../stream/block.ts";
import {
  flowsFromJson,
  hourlyFromJson,
  hourlyKey,
  markFromJson,
  WATERMARK_KEY,
} from "../../stream/flow/json.ts";
import type { HourlyFlow } from "../../stream/flow/leg.ts";
import { blockHeaderOf, textOf } from "../../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord } from "../../stream/kafka/broker.ts";
import { isRewind, rewindsOf, type Standing, takenBackBy } from "../../stream/kafka/rewind-record.ts";
import type { Rewinds, RewoundTo } from "../../stream/kafka/rewound.ts";
import { type Day, dayOf } from "../day.ts";
import { finalOrder, flowsOrder, hoursOrder, type OrderCheck, type Place } from "../order.ts";
import type { Position } from "./day-file.ts";
import type { DayStore } from "./day-store.ts";
import type { Watermarks } from "./progress.ts";
import { blockLine, hourlyLine, legLines } from "./rows.ts";

/** What all taps of a chain share. */
export interface Shore {
  readonly chain: ChainName;
  readonly watermarks: Watermarks;
  /** The last height to be taken; undefined: no end. */
  readonly until: number | undefined;
  /** The chain has a block on this day, as far as `rewinds` of it are followed. */
  see(day: Day, rewinds: number): void;
  /** The lowest block that these rewinds of the chain went back to. */
  lowestRewind(rewinds: Rewinds): Promise<RewoundTo>;
}

/** From records of one topic to rows of one table. */
export interface Tap {
  readonly store: DayStore;
  /** How records must go on from where reading begins. */
  order(broker: Broker, from: Place): OrderCheck;
  /** Takes a record, in order; false: it lies beyond `until`, and nothing more is to be taken. */
  take(record: KafkaRecord): boolean;
  /** Whether a record takes back what stands before it; of exchange flows the mark that ends it does. */
  takesBack(record: KafkaRecord): boolean;
  /** Takes back what an operator's rewind says, by a record for which `takesBack` holds; false as of `take`. */
  takeBack(record: KafkaRecord): Promise<boolean>;
}

/** Whether all that `until` asks for is taken. */
export function isThrough(store: DayStore, until: number | undefined): boolean {
  return until !== undefined && store.taken.height >= until;
}

/** Final headers into `blocks`. */
export function blocksTap(shore: Shore, store: DayStore): Tap {
  const take = (record: KafkaRecord) => {
    const block = {
      height: Number(record.headers["height"]),
      hash: record.key as BlockHash,
      parent: record.headers["parent"] as BlockHash,
      time: Number(record.headers["time"]),
    };
    if (isBeyond(shore, store, block.height)) return false;
    const day = dayOf(block.time);
    store.add({ day, offset: record.offset, line: blockLine(shore.chain, block) });
    store.advance(positionAfter(record, block.height, shore));
    shore.see(day, store.taken.rewinds);
    return true;
  };
  const takeBack = async (record: KafkaRecord) => {
    const { height, time } = blockHeaderOf(record);
    await store.takeBack(positionBack(record, height, shore), dayOf(time));
    return true;
  };
  return { store, order: (_, { last }) => finalOrder(last), take, takesBack: isRewind, takeBack };
}

/** Flows into `flow_legs`. */
export function legsTap(shore: Shore, store: DayStore): Tap {
  const take = (record: KafkaRecord) => {
    const flows = flowsFromJson(textOf(record));
    if (isBeyond(shore, store, flows.height)) return false;
    const day = dayOf(flows.time);
    for (const line of legLines(shore.chain, flows)) store.add({ day, offset: record.offset, line });
    store.advance(positionAfter(record, flows.height, shore));
    shore.see(day, store.taken.rewinds);
    return true;
  };
  const takeBack = async (record: KafkaRecord) => {
    const { height, time } = flowsFromJson(textOf(record));
    await store.takeBack(positionBack(record, height, shore), dayOf(time));
    return true;
  };
  return { store, order: (_, { last }) => flowsOrder(last), take, takesBack: isRewind, takeBack };
}

/** Exchange flows into `exchange_flows_hourly`: a block's rows count once its mark has come. */
export function hourlyTap(shore: Shore, store: DayStore): Tap {
  let waiting: { readonly offset: number; readonly row: HourlyFlow }[] = [];
  const settle = (rows: typeof waiting) => {
    for (const { offset, row } of rows) {
      const line = hourlyLine(shore.chain, row);
      store.add({ day: dayOf(row.hour), offset, line, key: hourlyKey(row) });
    }
    waiting = [];
  };
  const takeMark = (record: KafkaRecord) => {
    const mark = markFromJson(textOf(record));
    const before = store.taken.height;
    if (isBeyond(shore, store, mark.height)) {
      // Where the mark of `until` itself was compacted away, rows that say so themselves are of blocks up to there.
      settle(
        waiting.filter(({ row }) => before < store.taken.height && row.lastHeight <= store.taken.height),
      );
      return false;
    }
    settle(waiting);
    if (mark.watermark !== null) shore.watermarks.add(standingAt(record, mark.height), mark.watermark);
    store.advance(positionAfter(record, mark.height, shore));
    shore.see(dayOf(mark.time), store.taken.rewinds);
    return true;
  };
  const take = (record: KafkaRecord) => {
    if (record.value === null) return true;
    if (record.key === WATERMARK_KEY) return takeMark(record);
    waiting.push({ offset: record.offset, row: hourlyFromJson(textOf(record)) });
    return true;
  };
  const takesBack = (record: KafkaRecord) =>
    record.key === WATERMARK_KEY && (takenBackBy(record) > 0 || rewindsOf(record) > store.taken.rewinds);
  const takeBack = async (record: KafkaRecord) => {
    const { nextOffset, rewinds, height: before } = store.taken;
    // The cleaner may have taken the marks of rewinds, not only of blocks: the next mark counts more of them than we went through.
    const isMissed = rewindsOf(record) > (takenBackBy(record) > 0 ? rewinds + 1 : rewinds);
    const { height, time } = isMissed
      ? await shore.lowestRewind({ since: rewinds, to: rewindsOf(record) })
      : markFromJson(textOf(record));
    shore.watermarks.takeBack(standingAt(record, height));
    // The rows of this very mark, which stand before it, are still to be written: a crash must find them again.
    const to = standingAt(record, Math.min(height, before));
    await store.takeBack({ ...to, nextOffset, watermark: shore.watermarks.at(to) }, dayOf(time));
    return takeMark(record);
  };
  return { store, order: hoursOrder, take, takesBack, takeBack };
}

/** Heights come without a gap: once one is beyond `until`, nothing up to `until` is still to come. */
function isBeyond({ until }: Shore, store: DayStore, height: number): boolean {
  if (until === undefined || height <= until) return false;
  if (store.taken.height < until) store.advance({ ...store.taken, height: until });
  return true;
}

function positionAfter(record: KafkaRecord, height: number, { watermarks }: Shore): Position {
  const standing = standingAt(record, height);
  return { ...standing, nextOffset: record.offset + 1, watermark: watermarks.at(standing) };
}

/** Where a table stands after a rewind's record. */
function positionBack(record: KafkaRecord, height: number, shore: Shore): Position {
  shore.watermarks.takeBack(standingAt(record, height));
  return positionAfter(record, height, shore);
}

function standingAt(record: KafkaRecord, height: number): Standing {
  return { rewinds: rewindsOf(record), height };
}
