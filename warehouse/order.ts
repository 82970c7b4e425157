import type { BlockRef } from "../stream/block.ts";
import { flowsFromJson, markFromJson, WATERMARK_KEY } from "../stream/flow/json.ts";
import { blockHeaderOf, textOf } from "../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord } from "../stream/kafka/broker.ts";
import { assertFollows, type LastBlock, OrderBroken } from "../stream/kafka/order.ts";
import { isRewind, rewindsOf, takenBackBy } from "../stream/kafka/rewind-record.ts";
import { readBetween } from "../stream/kafka/tail.ts";
import { splitAtRewinds } from "./postgres/take-back.ts";

/**
 * Holds what is read of a topic, one read after the other, to the order in which its stage writes it. An offset that a store
 * has kept may lie inside of a topic that was deleted and made anew: only the blocks tell. Throws `OrderBroken`.
 */
export type OrderCheck = (records: readonly KafkaRecord[]) => Promise<void>;

/** More offsets than the rows of one block, so that the mark of the block before is among them. */
const LOOK_BACK_OFFSETS = 10_000;

/** Final: each block is the child of the one before. `last`: the block up to which the store has all; undefined: none. */
export function finalOrder(last: LastBlock | undefined): OrderCheck {
  let standing = last;
  return async (records) => {
    for (const record of records) {
      const header = blockHeaderOf(record);
      if (isRewind(record)) assertReaches(record, standing, header);
      else assertFollows(record, standing, header);
      standing = header;
    }
  };
}

/** Flows: one record a block. Where the first and the last one between two rewinds are right, all between them are. */
export function flowsOrder(last: LastBlock | undefined): OrderCheck {
  let standing = last;
  return async (records) => {
    for (const part of splitAtRewinds(records)) standing = followPart(part, standing);
  };
}

function followPart(part: readonly KafkaRecord[], last: LastBlock | undefined): LastBlock | undefined {
  const [record, ...others] = part;
  const newest = others.at(-1);
  if (record === undefined) return last;
  const first = flowsFromJson(textOf(record));
  if (isRewind(record)) assertReaches(record, last, first);
  else assertFollows(record, last, first);
  if (newest === undefined) return { height: first.height };
  const flows = flowsFromJson(textOf(newest));
  assertFollows(newest, { height: first.height + others.length - 1 }, flows);
  return { height: flows.height };
}

/** A rewind goes back to a block that is there. */
function assertReaches(record: KafkaRecord, last: LastBlock | undefined, to: BlockRef): void {
  if (last !== undefined && to.height > last.height) throw new OrderBroken(record, last, to);
}

/** The block up to which a store has all, and the offset from which its records are read. */
export interface Place {
  readonly last: LastBlock | undefined;
  readonly next: number;
}

/**
 * Exchange flows: each block has its mark. The cleaner takes old marks, but those before first: where one is missing, none may
 * stand below. What it has passed over in a topic made anew can't be told from that.
 */
export function hoursOrder(broker: Broker, from: Place): OrderCheck {
  let place = from;
  return async (records) => {
    for (const record of records) {
      if (record.key !== WATERMARK_KEY) continue;
      const mark = markFromJson(textOf(record));
      await followMark(broker, place, { record, mark });
      place = { last: { height: mark.height }, next: record.offset + 1 };
    }
  };
}

interface FoundMark {
  readonly record: KafkaRecord;
  readonly mark: BlockRef;
}

async function followMark(broker: Broker, place: Place, { record, mark }: FoundMark): Promise<void> {
  const { last } = place;
  if (last === undefined || isNext(record, last, mark)) return;
  const goesOn = mark.height > last.height || rewindsOf(record) > 0;
  if (!goesOn || (await isPassedOver(broker, { last, next: place.next }, record)))
    throw new OrderBroken(record, last, mark);
}

function isNext(record: KafkaRecord, last: LastBlock, mark: BlockRef): boolean {
  return takenBackBy(record) > 0 ? mark.height <= last.height : mark.height === last.height + 1;
}

/**
 * Whether a mark stands below although the next one was not read. Each broker cleans its own copy: where another one leads
 * by now, the next mark may stand again where the first had taken it.
 */
async function isPassedOver(
  broker: Broker,
  { last, next }: Place & { readonly last: LastBlock },
  { topic, offset }: KafkaRecord,
): Promise<boolean> {
  const { low } = await broker.bounds(topic);
  const range = { topic, from: Math.max(low, offset - LOOK_BACK_OFFSETS), to: offset };
  let isBelow = false;
  for await (const record of readBetween(broker, range)) {
    if (record.key !== WATERMARK_KEY) continue;
    if (record.offset >= next && isNext(record, last, markFromJson(textOf(record)))) return false;
    isBelow = true;
  }
  return isBelow;
}
