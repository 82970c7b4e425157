import type { Broker, KafkaRecord, Reader } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";

/** Values of unfinalized blocks kept in memory; those beyond are read from the topic once more when they are wanted. */
const BUDGET_BYTES = 64 * 1024 * 1024;

/** One look at the topic for values that were let go. */
const REREAD_LIMITS = { maxRecords: 64, maxBytes: 8 * 1024 * 1024 };

/** Up to this many offsets ahead, reading on is faster than seeking. */
const NEAR_OFFSETS = 64;

/** The records of a topic that may be wanted again, by offset, within a budget of memory. */
export class Withheld {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #budgetBytes: number;
  readonly #kept = new Map<number, KafkaRecord>();
  #bytes = 0;
  #reader: Reader | undefined;
  /** Read by `#reader`, not wanted yet. */
  #ahead: readonly KafkaRecord[] = [];

  constructor(broker: Broker, topic: string, budgetBytes = BUDGET_BYTES) {
    this.#broker = broker;
    this.#topic = topic;
    this.#budgetBytes = budgetBytes;
  }

  /** Keeps the record where the budget allows: the oldest are wanted first, so it is the newest that is let go. */
  keep(record: KafkaRecord): void {
    const size = sizeOf(record);
    if (this.#bytes + size > this.#budgetBytes) return;
    this.#kept.set(record.offset, record);
    this.#bytes += size;
  }

  /** Lets go of all but those at `offsets`. */
  retain(offsets: ReadonlySet<number>): void {
    for (const offset of this.#kept.keys()) if (!offsets.has(offset)) this.#drop(offset);
  }

  /** The record at `offset`, for the last time. */
  async take(offset: number): Promise<KafkaRecord> {
    const kept = this.#kept.get(offset);
    this.#drop(offset);
    return kept ?? (await this.#reread(offset));
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  /** Lets go of the record at `offset`. */
  #drop(offset: number): void {
    const record = this.#kept.get(offset);
    if (record === undefined) return;
    this.#kept.delete(offset);
    this.#bytes -= sizeOf(record);
  }

  async #reread(offset: number): Promise<KafkaRecord> {
    const reader = await this.#readerBefore(offset);
    for (;;) {
      const found = this.#ahead.find((record) => record.offset >= offset);
      if (found?.offset === offset) return found;
      if (found !== undefined) throw new OffsetOutOfRange(this.#topic, offset);
      this.#ahead = await reader.read(REREAD_LIMITS);
    }
  }

  /** The reader, standing at or before `offset` and not far from it, or `#ahead` beginning before it. */
  async #readerBefore(offset: number): Promise<Reader> {
    if (this.#reader === undefined) {
      this.#reader = await this.#broker.openReader(this.#topic, offset);
      return this.#reader;
    }
    const from = this.#ahead[0]?.offset ?? this.#reader.position();
    if (offset < from || offset > this.#reader.position() + NEAR_OFFSETS) {
      this.#ahead = [];
      await this.#reader.seek(offset);
    }
    return this.#reader;
  }
}

function sizeOf(record: KafkaRecord): number {
  return record.value?.byteLength ?? 0;
}
