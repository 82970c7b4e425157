import { setTimeout as sleep } from "node:timers/promises";
import type {
  Broker,
  Claim,
  KafkaRecord,
  OutgoingRecord,
  Reader,
  TopicBounds,
  Writer,
} from "../../stream/kafka/broker.ts";
import { Fenced, OffsetOutOfRange } from "../../stream/kafka/errors.ts";
import { MemoryGroup } from "./memory-group.ts";
import { MemoryLog, type MemoryTransaction } from "./memory-log.ts";

/** How long a read with nothing to return waits: the real one waits about 100 ms. */
const IDLE_MS = 1;

/** What a process is about to do or has just done in Kafka; a test that throws here has crashed the process there. */
export type Effect =
  | { readonly kind: "claimed"; readonly group: string }
  | { readonly kind: "fenced"; readonly id: string }
  | { readonly kind: "read"; readonly topic: string; readonly records: number }
  | { readonly kind: "produced"; readonly id: string }
  | { readonly kind: "committed"; readonly id: string };

/** Kafka in memory: transactions with their markers (holes), `read_committed`, fencing and groups, all as the real one has them. */
export class MemoryCluster {
  readonly #logs = new Map<string, MemoryLog>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #epochs = new Map<string, number>();
  readonly #open = new Map<string, MemoryTransaction>();

  /** A connection of one process; `onEffect` may throw, which leaves things as a crash right there would. */
  connect(onEffect: (effect: Effect) => void = () => {}): MemoryBroker {
    return new MemoryBroker(this, onEffect);
  }

  /** Writes `records` in one committed transaction. */
  append(...records: readonly OutgoingRecord[]): void {
    const transaction: MemoryTransaction = { state: "open", topics: new Set() };
    for (const record of records) this.log(record.topic).append(record, transaction);
    this.end(transaction, "committed");
  }

  /** All committed records of a topic. */
  records(topic: string): readonly KafkaRecord[] {
    return this.log(topic).readable();
  }

  /** The committed offset of a group. */
  committed(group: string): number | undefined {
    return this.group(group).offset;
  }

  /** Drops what lies below `offset`, as retention does. */
  truncate(topic: string, offset: number): void {
    this.log(topic).truncate(offset);
  }

  /** Keeps only the last record of each key, as the log cleaner does in the end; a day later tombstones are gone too. */
  compact(topic: string, tombstones: "kept" | "gone" = "kept"): void {
    this.log(topic).compact(tombstones);
  }

  log(topic: string): MemoryLog {
    return entry(this.#logs, topic, () => new MemoryLog());
  }

  group(name: string): MemoryGroup {
    return entry(this.#groups, name, () => new MemoryGroup());
  }

  /** `initTransactions`: aborts what an earlier owner left open, and gives out the next epoch. */
  fence(id: string): number {
    const left = this.#open.get(id);
    if (left?.state === "open") this.end(left, "aborted");
    this.#open.delete(id);
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    return epoch;
  }

  /** The newest epoch of a transactional id. */
  epochOf(id: string): number | undefined {
    return this.#epochs.get(id);
  }

  begin(id: string): MemoryTransaction {
    const transaction: MemoryTransaction = { state: "open", topics: new Set() };
    this.#open.set(id, transaction);
    return transaction;
  }

  /** Ends a transaction by a marker in each of its topics. */
  end(transaction: MemoryTransaction, state: "committed" | "aborted"): void {
    transaction.state = state;
    for (const topic of transaction.topics) this.log(topic).mark();
  }
}

/** One process's connection to a `MemoryCluster`. */
export class MemoryBroker implements Broker {
  readonly #cluster: MemoryCluster;
  readonly #onEffect: (effect: Effect) => void;
  readonly #claims = new Set<MemoryClaim>();

  constructor(cluster: MemoryCluster, onEffect: (effect: Effect) => void) {
    this.#cluster = cluster;
    this.#onEffect = onEffect;
  }

  async ensureTopics(): Promise<void> {}

  async claim(
    where: { readonly group: string; readonly topic: string },
    signal: AbortSignal,
  ): Promise<Claim> {
    const claim = new MemoryClaim(where, this.#cluster.group(where.group));
    this.#claims.add(claim);
    await claim.join(signal);
    this.#onEffect({ kind: "claimed", group: where.group });
    return claim;
  }

  async openWriter(id: string): Promise<Writer> {
    const epoch = this.#cluster.fence(id);
    this.#onEffect({ kind: "fenced", id });
    return {
      commit: async (records, hold) => this.#commit({ id, epoch }, records, hold),
      close: async () => {},
    };
  }

  async openReader(topic: string, offset: number): Promise<Reader> {
    return new MemoryReader(this.#cluster.log(topic), topic, offset, this.#onEffect);
  }

  async bounds(topic: string): Promise<TopicBounds> {
    const { low, stable } = this.#cluster.log(topic);
    return { low, high: stable };
  }

  /** `kill -9`: its transactions stay open until somebody fences them, its groups find out. */
  kill(): void {
    for (const claim of this.#claims) claim.leave();
  }

  async close(): Promise<void> {
    this.kill();
  }

  #commit(
    owner: { readonly id: string; readonly epoch: number },
    records: readonly OutgoingRecord[],
    hold: { readonly claim: Claim; readonly offset: number } | undefined,
  ): void {
    const fenced = () => this.#cluster.epochOf(owner.id) !== owner.epoch || hold?.claim.lost.aborted === true;
    if (fenced()) throw new Fenced(owner.id);
    const transaction = this.#cluster.begin(owner.id);
    for (const record of records) this.#cluster.log(record.topic).append(record, transaction);
    this.#onEffect({ kind: "produced", id: owner.id });
    if (fenced()) throw new Fenced(owner.id);
    this.#cluster.end(transaction, "committed");
    if (hold !== undefined) this.#cluster.group(hold.claim.group).offset = hold.offset;
    this.#onEffect({ kind: "committed", id: owner.id });
  }
}

class MemoryClaim implements Claim {
  readonly group: string;
  readonly topic: string;
  readonly #members: MemoryGroup;
  readonly #lost = new AbortController();

  constructor(where: { readonly group: string; readonly topic: string }, members: MemoryGroup) {
    this.group = where.group;
    this.topic = where.topic;
    this.#members = members;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async join(signal: AbortSignal): Promise<void> {
    await this.#members.join(this.#lost, signal);
  }

  leave(): void {
    this.#members.leave(this.#lost);
  }

  async committed(): Promise<number | undefined> {
    return this.#members.offset;
  }

  async close(): Promise<void> {
    this.leave();
  }
}

class MemoryReader implements Reader {
  readonly #log: MemoryLog;
  readonly #topic: string;
  readonly #onEffect: (effect: Effect) => void;
  #position: number;

  constructor(log: MemoryLog, topic: string, offset: number, onEffect: (effect: Effect) => void) {
    this.#log = log;
    this.#topic = topic;
    this.#position = offset;
    this.#onEffect = onEffect;
  }

  async read(
    limits: { readonly maxRecords?: number; readonly maxBytes?: number } = {},
  ): Promise<readonly KafkaRecord[]> {
    if (this.#position < this.#log.low || this.#position > this.#log.end) {
      throw new OffsetOutOfRange(this.#topic, this.#position);
    }
    const { records, next } = this.#log.readFrom(this.#position, limits);
    this.#position = next;
    if (records.length === 0) await sleep(IDLE_MS);
    this.#onEffect({ kind: "read", topic: this.#topic, records: records.length });
    return records;
  }

  position(): number {
    return this.#position;
  }

  async seek(offset: number): Promise<void> {
    this.#position = offset;
  }

  async close(): Promise<void> {}
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
