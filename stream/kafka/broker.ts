import type { TopicSpec } from "./topics.ts";

/** The edge to Kafka: what stages need of it and no more, so that a simulated log can stand behind the same interface. */

/** A record as it was read; `offset` is its place in the one partition of its topic. */
export interface KafkaRecord {
  readonly topic: string;
  readonly offset: number;
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  /** When the cluster took it, Unix milliseconds, where it says so. */
  readonly appendedMs?: number;
}

/** A record to be written. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where a topic begins and ends for a `read_committed` reader. `high` is the last stable offset: the next one to be read when all is read. */
export interface TopicBounds {
  readonly low: number;
  readonly high: number;
}

/** Reads one topic from an offset on, `read_committed`, outside any group. */
export interface Reader {
  /** The next records in order (empty when none came within about 100 ms). Throws `OffsetOutOfRange` when the wanted offset is gone, `TopicMissing` when the topic is. */
  read(limits?: {
    readonly maxRecords?: number;
    readonly maxBytes?: number;
  }): Promise<readonly KafkaRecord[]>;
  /** The next offset that a read would look at: it steps over transaction markers, so `position() === high` means that all is read. */
  position(): number;
  seek(offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Writes whole transactions, fenced by its transactional id. */
export interface Writer {
  /**
   * Writes all records and, with `hold`, the claim's committed offset, in one Kafka transaction.
   * Retries what can be retried; throws `Fenced` when a newer owner took over; any other error leaves nothing written.
   */
  commit(
    records: readonly OutgoingRecord[],
    hold?: { readonly claim: Claim; readonly offset: number },
  ): Promise<void>;
  close(): Promise<void>;
}

/** Membership in a stage's consumer group, holding its input's one partition: the right to work. */
export interface Claim {
  readonly group: string;
  readonly topic: string;
  /** Aborted when the partition is taken away. */
  readonly lost: AbortSignal;
  /** The committed offset of the group; undefined when nothing was ever committed. Waits for transactions in doubt to end. */
  committed(): Promise<number | undefined>;
  /** Leaves the group. */
  close(): Promise<void>;
}

/** A Kafka cluster. */
export interface Broker {
  /** Makes the topics that are missing; throws `TopicMisconfigured` (with the command that mends it) where one has other settings. */
  ensureTopics(specs: readonly TopicSpec[]): Promise<void>;
  /** Joins `group` on `topic` and resolves when its partition is ours; a standby waits here. Rejects when `signal` aborts. */
  claim(where: { readonly group: string; readonly topic: string }, signal: AbortSignal): Promise<Claim>;
  /** Fences all earlier writers of this id (`initTransactions`), then writes. */
  openWriter(transactionalId: string): Promise<Writer>;
  openReader(topic: string, offset: number): Promise<Reader>;
  bounds(topic: string): Promise<TopicBounds>;
  close(): Promise<void>;
}
