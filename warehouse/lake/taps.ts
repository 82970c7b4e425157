import type { BlockHash, ChainName } from "../../stream/block.ts";
import {
  flowsFromJson,
  hourlyFromJson,
  hourlyKey,
  markFromJson,
  WATERMARK_KEY,
} from "../../stream/flow/json.ts";
import type { HourlyFlow } from "../../stream/flow/leg.ts";
import { blockHeaderOf } from "../../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord } from "../../stream/kafka/broker.ts";
import { isRewind, rewindsOf, takenBackBy } from "../../stream/kafka/rewind-record.ts";
import { type Day, dayOf } from "../day.ts";
import { finalOrder, flowsOrder, hoursOrder, type OrderCheck, type Place } from "../order.ts";
import type { DayStore } from "./day-store.ts";
import type { Watermarks } from "./progress.ts";
import { blockLine, hourlyLine, legLines } from "./rows.ts";

/** What all taps of a chain share. */
export interface Shore {
  readonly chain: ChainName;
  readonly watermarks: Watermarks;
  /** The last height to be taken; undefined: no end. */
  readonly until: number | undefined;
  /** The chain has a block on this day. */
  see(day: Day): void;
}

/** From records of one topic to rows of one table. */
export interface Tap {
  readonly store: DayStore;
  /** How records must go on from where reading begins. */
  order(broker: Broker, from: Place): OrderCheck;
  /** Takes a record, in order; false: it lies beyond `until`, and nothing more is to be taken. */
  take(record: KafkaRecord): boolean;
  /** Takes back what an operator's rewind says (a record for which `isTakingBack` holds). */
  takeBack(record: KafkaRecord): Promise<void>;
}

/** Whether a record of any of the topics takes back what stands before it; of exchange flows the mark that ends it does. */
export function isTakingBack(record: KafkaRecord): boolean {
  return isRewind(record) || (record.key === WATERMARK_KEY && takenBackBy(record) > 0);
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
    shore.see(day);
    store.add({ day, offset: record.offset, line: blockLine(shore.chain, block) });
    store.advance(positionAfter(record, block.height, shore));
    return true;
  };
  const takeBack = (record: KafkaRecord) => {
    const { height, time } = blockHeaderOf(record);
    shore.watermarks.takeBack(rewindsOf(record), height);
    return store.takeBack(positionAfter(record, height, shore), dayOf(time));
  };
  return { store, order: (_, { last }) => finalOrder(last), take, takeBack };
}

/** Flows into `flow_legs`. */
export function legsTap(shore: Shore, store: DayStore): Tap {
  const take = (record: KafkaRecord) => {
    const flows = flowsFromJson(text(record));
    if (isBeyond(shore, store, flows.height)) return false;
    const day = dayOf(flows.time);
    shore.see(day);
    for (const line of legLines(shore.chain, flows)) store.add({ day, offset: record.offset, line });
    store.advance(positionAfter(record, flows.height, shore));
    return true;
  };
  const takeBack = (record: KafkaRecord) => {
    const { height, time } = flowsFromJson(text(record));
    shore.watermarks.takeBack(rewindsOf(record), height);
    return store.takeBack(positionAfter(record, height, shore), dayOf(time));
  };
  return { store, order: (_, { last }) => flowsOrder(last), take, takeBack };
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
    const mark = markFromJson(text(record));
    const before = store.taken.height;
    if (isBeyond(shore, store, mark.height)) {
      // Where the mark of `until` itself was compacted away, rows that say so themselves are of blocks up to there.
      settle(
        waiting.filter(({ row }) => before < store.taken.height && row.lastHeight <= store.taken.height),
      );
      return false;
    }
    settle(waiting);
    shore.see(dayOf(mark.time));
    if (mark.watermark !== null) shore.watermarks.add(mark.height, mark.watermark, rewindsOf(record));
    store.advance(positionAfter(record, mark.height, shore));
    return true;
  };
  const take = (record: KafkaRecord) => {
    if (record.value === null) return true;
    if (record.key === WATERMARK_KEY) return takeMark(record);
    waiting.push({ offset: record.offset, row: hourlyFromJson(text(record)) });
    return true;
  };
  const takeBack = async (record: KafkaRecord) => {
    const { height, time, watermark } = markFromJson(text(record));
    shore.watermarks.takeBack(rewindsOf(record), height);
    if (watermark !== null) shore.watermarks.add(height, watermark, rewindsOf(record));
    // The rows of this very mark, which stand before it, are still to be written: a crash must find them again.
    const { nextOffset } = store.taken;
    await store.takeBack({ nextOffset, height, watermark: shore.watermarks.at(height) }, dayOf(time));
    settle(waiting);
    store.advance(positionAfter(record, height, shore));
  };
  return { store, order: hoursOrder, take, takeBack };
}

/** Heights come without a gap: once one is beyond `until`, nothing up to `until` is still to come. */
function isBeyond({ until }: Shore, store: DayStore, height: number): boolean {
  if (until === undefined || height <= until) return false;
  if (store.taken.height < until) store.advance({ ...store.taken, height: until });
  return true;
}

function positionAfter(record: KafkaRecord, height: number, shore: Shore) {
  return { nextOffset: record.offset + 1, height, watermark: shore.watermarks.at(height) };
}

function text(record: KafkaRecord): string {
  const { buffer, byteOffset, byteLength } = record.value ?? new Uint8Array();
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}
