import type { KafkaRecord, OutgoingRecord } from "../../stream/kafka/broker.ts";

/** A transaction; its records become readable when it is committed. */
export interface MemoryTransaction {
  state: "open" | "committed" | "aborted";
  readonly topics: Set<string>;
}

interface Entry {
  readonly offset: number;
  readonly record: KafkaRecord | undefined;
  readonly transaction: MemoryTransaction | undefined;
}

/** How much one read returns unless told otherwise. */
const READ_RECORDS = 100;

/** The one partition of a topic: records, and holes where transactions ended, were aborted, or where compaction passed. */
export class MemoryLog {
  #entries: Entry[] = [];
  #end = 0;
  #low = 0;

  get low(): number {
    return this.#low;
  }

  /** The log end: where the next entry goes. */
  get end(): number {
    return this.#end;
  }

  /** The last stable offset: nothing at or above it is readable yet. */
  get stable(): number {
    return this.#entries.find((entry) => entry.transaction?.state === "open")?.offset ?? this.#end;
  }

  append(record: OutgoingRecord, transaction: MemoryTransaction): void {
    transaction.topics.add(record.topic);
    const stored = { ...record, headers: record.headers ?? {}, offset: this.#end };
    this.#entries.push({ offset: this.#end, record: stored, transaction });
    this.#end += 1;
  }

  /** The marker that ends a transaction: an offset without a record. */
  mark(): void {
    this.#end += 1;
  }

  readable(): readonly KafkaRecord[] {
    return this.readFrom(this.#low, { maxRecords: Number.POSITIVE_INFINITY }).records;
  }

  readFrom(
    offset: number,
    limits: { readonly maxRecords?: number; readonly maxBytes?: number },
  ): { readonly records: readonly KafkaRecord[]; readonly next: number } {
    const stable = this.stable;
    const records: KafkaRecord[] = [];
    let bytes = 0;
    for (const { offset: at, record, transaction } of this.#entries) {
      if (at < offset || at >= stable || record === undefined || transaction?.state !== "committed") continue;
      const size = record.value?.byteLength ?? 0;
      const full = records.length >= (limits.maxRecords ?? READ_RECORDS);
      const heavy = records.length > 0 && bytes + size > (limits.maxBytes ?? Number.POSITIVE_INFINITY);
      if (full || heavy) return { records, next: at };
      records.push(record);
      bytes += size;
    }
    return { records, next: Math.max(offset, stable) };
  }

  truncate(offset: number): void {
    this.#low = Math.max(this.#low, offset);
    this.#entries = this.#entries.filter((entry) => entry.offset >= this.#low);
  }

  compact(tombstones: "kept" | "gone"): void {
    const last = new Map(this.#entries.map((entry) => [entry.record?.key, entry.offset]));
    this.#entries = this.#entries.filter(
      ({ record, offset }) =>
        last.get(record?.key) === offset && (tombstones === "kept" || record?.value !== null),
    );
  }
}
