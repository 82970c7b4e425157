import type { Broker, KafkaRecord, Reader } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";

/** Offsets beside the records themselves that a first look allows for: markers, and a few aborted transactions. */
const SPARE_OFFSETS = 16;

/** How much further back each next look begins, when the last one did not find all that is wanted. */
const WIDENING = 4;

/** Reads without anything new after which the cluster is asked whether it is still there (a read waits 100 ms). */
const SILENT_READS = 50;

/** The last record of a topic; undefined: it is empty. */
export async function readLast(broker: Broker, topic: string): Promise<KafkaRecord | undefined> {
  const [last] = await readTail(broker, topic, 1, (record) => record);
  return last;
}

/**
 * The last `count` records of a topic, oldest first, each as `pick` sees it (so that values need not be kept);
 * it sees some of the records before them too. Offsets have holes, so records are counted, never computed.
 */
export async function readTail<T>(
  broker: Broker,
  topic: string,
  count: number,
  pick: (record: KafkaRecord) => T,
): Promise<readonly T[]> {
  const { low, high } = await broker.bounds(topic);
  return await lookBack(
    { low, high, window: 2 * count + SPARE_OFFSETS },
    async (from) => (from === high ? [] : await readRange(broker, { topic, count, from, to: high }, pick)),
    (found) => found.length >= count,
  );
}

/** From where the end of a topic is looked at first: so many offsets before `high`. */
interface FirstLook {
  readonly low: number;
  readonly high: number;
  readonly window: number;
}

/** What `look` finds at a topic's end, from further and further back until it is `enough`, or from `low`, be it enough or not. */
export async function lookBack<T>(
  { low, high, window }: FirstLook,
  look: (from: number) => Promise<T>,
  enough: (found: T) => boolean,
): Promise<T> {
  for (let offsets = window; ; offsets *= WIDENING) {
    const from = Math.max(low, high - offsets);
    const found = await look(from);
    if (from === low || enough(found)) return found;
  }
}

/** Offsets of a topic, `to` not among them. `maxBytes`: of one read, where less than a reader's own limit is to be held at once. */
export interface Range {
  readonly topic: string;
  readonly from: number;
  readonly to: number;
  readonly maxBytes?: number;
}

/** The records of a topic from one offset to before another, in order. Throws `OffsetOutOfRange` where it ends before that meanwhile. */
export async function* readBetween(broker: Broker, range: Range): AsyncGenerator<KafkaRecord> {
  const reader = await broker.openReader(range.topic, range.from);
  try {
    yield* recordsUntil(broker, reader, range);
  } finally {
    await reader.close();
  }
}

async function readRange<T>(
  broker: Broker,
  range: Range & { readonly count: number },
  pick: (record: KafkaRecord) => T,
): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const record of readBetween(broker, range)) {
    found.push(pick(record));
    if (found.length > range.count) found.shift();
  }
  return found;
}

async function* recordsUntil(
  broker: Broker,
  reader: Reader,
  { topic, to, maxBytes }: Omit<Range, "from">,
): AsyncGenerator<KafkaRecord> {
  let silent = 0;
  while (reader.position() < to) {
    const records = await reader.read(maxBytes === undefined ? {} : { maxBytes });
    for (const record of records) if (record.offset < to) yield record;
    silent = records.length === 0 ? silent + 1 : 0;
    if (silent % SILENT_READS !== SILENT_READS - 1) continue;
    // Throws when the cluster is not there. A topic that was made anew may be shorter: what is waited for never comes.
    const { high } = await broker.bounds(topic);
    if (high < to) throw new OffsetOutOfRange(topic, to - 1);
  }
}
