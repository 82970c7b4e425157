import { setTimeout as sleep } from "node:timers/promises";
import type { RdKafka } from "@confluentinc/kafka-javascript";
import type { KafkaRecord, Reader } from "./broker.ts";
import { OffsetOutOfRange, TopicMissing } from "./errors.ts";
import { CODE, codeOf, type Edge, makeConsumer, type RdConsumer } from "./rd.ts";
import { CALL_MS, isTransient, Session } from "./session.ts";

/** How long a read waits for a first record. */
const READ_WAIT_MS = 100;

/**
 * A wait inside of the native client holds one of libuv's few threads, which files and transactions need too:
 * long enough to catch the next fetch of a busy topic; on a quiet one we rest outside in between.
 */
const NATIVE_WAIT_MS = 5;
const REST_MS = 15;

/** How long a fetch rests at the broker: a seek takes effect only after it. */
const FETCH_WAIT_MS = 100;

/** Records and bytes of one read unless the caller says less. */
const MAX_RECORDS = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

/** After so long without a record the cluster is asked whether the topic is there at all: of one that was deleted nothing is heard. */
const SILENCE_MS = 5_000;

/**
 * A cluster that has just started may not know all topics yet: so often in a row it must say so. In all that is longer than a
 * transaction lasts: the topic's writer is to stop first, since any other stage's start makes the topic anew.
 */
const LOOKS_IN_VAIN = 3;

/** Opens a reader of `topic` (its one partition) at `offset`. Throws `BrokerUnreachable`. */
export async function openReader(edge: Edge, topic: string, offset: number): Promise<Reader> {
  const session = await Session.open(edge, () => {
    const consumer = makeConsumer(edge, SETTINGS);
    consumer.setDefaultConsumeTimeout(NATIVE_WAIT_MS);
    return consumer;
  });
  session.client.assign([{ topic, partition: 0, offset }]);
  return new PartitionReader(session, topic, offset);
}

const SETTINGS = {
  // The native client wants a group's name even from a consumer that joins none.
  "group.id": "sluice-reader",
  // Fetch sizes count compressed bytes, the queue unpacked ones: small fetches keep memory flat and are no slower.
  "fetch.message.max.bytes": 1024 * 1024,
  "fetch.max.bytes": 1024 * 1024,
  "queued.max.messages.kbytes": 16_384,
  // A full queue rests 1 s by default, which makes big blocks crawl.
  "fetch.queue.backoff.ms": 10,
  "fetch.wait.max.ms": FETCH_WAIT_MS,
};

class PartitionReader implements Reader {
  readonly #session: Session<RdConsumer>;
  readonly #topic: string;
  /** Where reading began or was sent by seek; until a record came, the position. */
  #from: number;
  /** Read beyond the last caller's byte limit; goes first. */
  #surplus: readonly KafkaRecord[] = [];
  /** Bytes of an average record, to ask for no more of them than fit. */
  #recordBytes = 1;
  #heardAt = performance.now();
  /** How often in a row the topic was looked for in vain. */
  #missed = 0;

  constructor(session: Session<RdConsumer>, topic: string, offset: number) {
    this.#session = session;
    this.#topic = topic;
    this.#from = offset;
  }

  async read(
    limits: { readonly maxRecords?: number; readonly maxBytes?: number } = {},
  ): Promise<readonly KafkaRecord[]> {
    const maxRecords = limits.maxRecords ?? MAX_RECORDS;
    const maxBytes = limits.maxBytes ?? MAX_BYTES;
    const available = this.#surplus.length > 0 ? this.#surplus : await this.#await(maxRecords, maxBytes);
    const count = countWithin(available, maxRecords, maxBytes);
    this.#surplus = available.slice(count);
    return available.slice(0, count);
  }

  position(): number {
    const [next] = this.#surplus;
    if (next !== undefined) return next.offset;
    const [at] = this.#session.client.position([{ topic: this.#topic, partition: 0 }]);
    return at?.offset === undefined ? this.#from : Math.max(at.offset, this.#from);
  }

  async seek(offset: number): Promise<void> {
    this.#surplus = [];
    this.#from = offset;
    const place = { topic: this.#topic, partition: 0, offset };
    await this.#session.insist<void>((done) =>
      this.#session.client.seek(place, CALL_MS, (error) => done(error, undefined)),
    );
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #await(maxRecords: number, maxBytes: number): Promise<readonly KafkaRecord[]> {
    const deadline = performance.now() + READ_WAIT_MS;
    for (;;) {
      const records = await this.#consume(maxRecords, maxBytes);
      if (records.length > 0) this.#heardAt = performance.now();
      if (records.length > 0 || performance.now() >= deadline) return records;
      if (performance.now() >= this.#heardAt + SILENCE_MS) await this.#look();
      await sleep(REST_MS);
    }
  }

  async #look(): Promise<void> {
    this.#heardAt = performance.now();
    const options = { topic: this.#topic, allTopics: false, timeout: CALL_MS };
    const found = await this.#session
      .call<RdKafka.Metadata>((done) => this.#session.client.getMetadata(options, done))
      .catch(() => undefined);
    // Of what the cluster does not know it names no partition.
    const isMissing = found?.topics.every(({ partitions }) => partitions.length === 0);
    this.#missed = isMissing === true ? this.#missed + 1 : 0;
    if (this.#missed < LOOKS_IN_VAIN) return;
    // Where nothing was ever read nothing is lost: the next start makes the topic anew.
    const position = this.position();
    throw position > 0 ? new OffsetOutOfRange(this.#topic, position) : new TopicMissing(this.#topic);
  }

  async #consume(maxRecords: number, maxBytes: number): Promise<readonly KafkaRecord[]> {
    // Rounded up, one record would mostly be left over, and make a read and a transaction of its own.
    const count = Math.max(1, Math.min(maxRecords, Math.floor(maxBytes / this.#recordBytes)));
    const messages = await this.#session
      .call<RdKafka.Message[]>((done) => this.#session.client.consume(count, done))
      .catch((cause: unknown) => this.#explain(cause));
    if (messages.length === 0) return [];
    const bytes = messages.reduce((sum, message) => sum + message.size, 0);
    this.#recordBytes = Math.max(1, bytes / messages.length);
    return messages.map(toRecord);
  }

  /** Broken connections mend themselves: only a lost offset ends a reader. */
  #explain(cause: unknown): RdKafka.Message[] {
    const code = codeOf(cause);
    if (code === CODE.offsetGone) throw new OffsetOutOfRange(this.#topic, this.position(), { cause });
    if (isTransient(cause)) return [];
    throw cause;
  }
}

function countWithin(records: readonly KafkaRecord[], maxRecords: number, maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const record of records) {
    bytes += record.value?.byteLength ?? 0;
    if (count === maxRecords || (count > 0 && bytes > maxBytes)) break;
    count += 1;
  }
  return count;
}

function toRecord(message: RdKafka.Message): KafkaRecord {
  return {
    topic: message.topic,
    offset: message.offset,
    key: message.key === undefined || message.key === null ? "" : message.key.toString("utf8"),
    value: message.value,
    headers: Object.fromEntries(
      (message.headers ?? []).flatMap((header) =>
        Object.entries(header).map(([name, value]) => [name, value.toString()] as const),
      ),
    ),
    ...(message.timestamp === undefined ? {} : { appendedMs: message.timestamp }),
  };
}
