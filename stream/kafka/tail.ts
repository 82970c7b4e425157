import type { Broker, KafkaRecord, Reader } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";

/** Offsets beside the records themselves that a first look allows for: markers, and a few aborted transactions. */
const SPARE_OFFSETS = 16;

/** How much further back each next look begins, when holes took the room of records. */
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
  for (let window = 2 * count + SPARE_OFFSETS; ; window *= WIDENING) {
    const from = Math.max(low, high - window);
    const found = from === high ? [] : await readRange(broker, { topic, count, from, to: high }, pick);
    if (found.length >= count || from === low) return found;
  }
}

/** `maxBytes`: of one read, where less than a reader's own limit is to be held at once. */
interface Range {
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
  range: { readonly topic: string; readonly count: number; readonly from: number; readonly to: number },
  pick: (record: KafkaRecord) => T,
): Promise<readonly T[]> {
  const reader = await broker.openReader(range.topic, range.from);
  try {
    const found: T[] = [];
    for await (const record of recordsUntil(broker, reader, range)) {
      found.push(pick(record));
      if (found.length > range.count) found.shift();
    }
    return found;
  } finally {
    await reader.close();
  }
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
