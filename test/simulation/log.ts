import type { KafkaRecord, OutgoingRecord } from "../../stream/kafka/broker.ts";

/** A Kafka transaction; its records are readable in a topic once the marker of its commit stands there. */
export interface Transaction {
  readonly id: string;
  readonly epoch: number;
  state: "open" | "committing" | "aborting" | "ended";
  /** Where it wrote, and where its marker is still to come. */
  readonly unmarked: Set<string>;
  /** The offset of a group that becomes its committed one. */
  carried: { readonly group: string; readonly offset: number } | undefined;
  readonly startedAt: number;
}

type Fate = "undecided" | "committed" | "aborted";

interface Entry {
  readonly offset: number;
  readonly record: KafkaRecord;
  readonly transaction: Transaction;
  fate: Fate;
}

/** The one partition of a topic: records and markers, each with an offset of its own. */
export class SimLog {
  /** All records that were ever committed, in order: what compaction took stays here, for the oracle. */
  readonly history: KafkaRecord[] = [];
  #entries: Entry[] = [];
  /** Transactions whose marker is to come, and the first offset of each. */
  readonly #undecided = new Map<Transaction, number>();
  readonly #waiting = new Set<() => void>();
  #end = 0;

  get low(): number {
    return 0;
  }

  /** Where the next entry goes. */
  get end(): number {
    return this.#end;
  }

  /** The last stable offset: nothing at or above it is readable yet. */
  get stable(): number {
    return Math.min(this.#end, ...this.#undecided.values());
  }

  append(record: OutgoingRecord, transaction: Transaction): void {
    const stored = { ...record, headers: record.headers ?? {}, offset: this.#end };
    this.#entries.push({ offset: this.#end, record: stored, transaction, fate: "undecided" });
    if (!this.#undecided.has(transaction)) this.#undecided.set(transaction, this.#end);
    transaction.unmarked.add(record.topic);
    this.#end += 1;
  }

  /** Writes the marker that ends a transaction here. */
  mark(transaction: Transaction, fate: Exclude<Fate, "undecided">): void {
    for (const entry of this.#entries) {
      if (entry.transaction !== transaction) continue;
      entry.fate = fate;
      if (fate === "committed") this.history.push(entry.record);
    }
    this.#undecided.delete(transaction);
    this.#end += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Committed records from `offset` on, up to the last stable offset; `next` is where the following read begins. */
  read(offset: number, most: number): { readonly records: readonly KafkaRecord[]; readonly next: number } {
    const { stable } = this;
    const records: KafkaRecord[] = [];
    for (let at = this.#indexOf(offset); at < this.#entries.length; at += 1) {
      const { offset: place, record, fate } = this.#entries[at] as Entry;
      if (place >= stable) break;
      if (fate !== "committed") continue;
      if (records.length === most) return { records, next: place };
      records.push(record);
    }
    return { records, next: Math.max(offset, stable) };
  }

  /** The offset that the transaction of a record brought its group to; undefined: none. */
  carriedWith(offset: number): number | undefined {
    return this.#entries.find((entry) => entry.offset === offset)?.transaction.carried?.offset;
  }

  /** Calls `wake` at the next marker. */
  onMark(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** Lets go of what has a newer record of its key, as the cleaner does below the last stable offset; the newest record stays. */
  compact(): void {
    const { stable } = this;
    const committed = this.#entries.filter((entry) => entry.fate === "committed" && entry.offset < stable);
    const newest = new Map(committed.map((entry) => [entry.record.key, entry.offset]));
    this.#entries = this.#entries.filter(
      ({ offset, record, fate }) =>
        offset >= stable || (fate === "committed" && newest.get(record.key) === offset),
    );
  }

  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Entry).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
