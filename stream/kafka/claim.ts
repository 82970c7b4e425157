import { setTimeout as sleep } from "node:timers/promises";
import type { RdKafka } from "@confluentinc/kafka-javascript";
import type { Claim } from "./broker.ts";
import { CODE, type Edge, makeConsumer, type RdConsumer } from "./rd.ts";
import { CALL_MS, Session } from "./session.ts";

/** A dead owner is noticed after this long; brokers refuse less than 6 s unless told otherwise (group.min.session.timeout.ms). */
const SESSION_MS = 6000;
const HEARTBEAT_MS = 500;

/**
 * A rebalance waits so long for a member that has asked to join and died since: its session does not count meanwhile. The client's
 * default of five minutes stood a whole chain still after a broker's restart. We serve the membership every `SERVE_MS`.
 */
const REBALANCE_MS = 15_000;

/** How often the membership is served: rebalances wait for it. */
const SERVE_MS = 50;

/** How often a waiting standby makes sure that the cluster is there. */
const CHECK_MS = 10_000;

/** librdkafka gives a broker 5 s to answer a member's goodbye. Until then it may ask us what the member is to give back. */
const LEAVE_MS = 5500;

/** The rest between two tries to decline what a leaving member is given. */
const DECLINE_MS = 10;

/** librdkafka's `RD_KAFKA_OFFSET_END`: a claim reads nothing, so it stands at the end. */
const OFFSET_END = -1;

/**
 * Joins a consumer group and resolves when the topic's partition is ours.
 * Throws `BrokerUnreachable` when the cluster goes away meanwhile; rejects with `signal`'s reason when it aborts.
 */
export async function joinGroup(
  edge: Edge,
  where: { readonly group: string; readonly topic: string },
  signal: AbortSignal,
): Promise<Claim> {
  const session = await Session.open(edge, () => makeMember(edge, where.group), signal);
  const claim = new GroupClaim(session, where);
  try {
    edge.log.debug({ group: where.group }, "claim asked for");
    await claim.join(signal);
    edge.log.debug({ group: where.group }, "claim given");
    return claim;
  } catch (error) {
    await claim.close();
    throw error;
  }
}

function makeMember(edge: Edge, group: string): RdConsumer {
  const member = makeConsumer(edge, {
    "group.id": group,
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": SESSION_MS,
    "heartbeat.interval.ms": HEARTBEAT_MS,
    "max.poll.interval.ms": REBALANCE_MS,
    // A function means that assigning is left to whoever listens to the event.
    rebalance_cb: () => {},
  });
  // Served often and briefly, so that no thread of libuv's pool is held by a wait.
  member.setDefaultConsumeTimeout(0);
  return member;
}

/** A member of a consumer group. It holds the partition but fetches nothing of it: readers do that. */
export class GroupClaim implements Claim {
  readonly group: string;
  readonly topic: string;
  readonly #session: Session<RdConsumer>;
  readonly #lost = new AbortController();
  readonly #assigned: Promise<void>;
  #onAssigned: () => void = () => {};
  #holds = false;

  constructor(session: Session<RdConsumer>, where: { readonly group: string; readonly topic: string }) {
    this.group = where.group;
    this.topic = where.topic;
    this.#session = session;
    this.#assigned = new Promise((resolve) => {
      this.#onAssigned = resolve;
    });
    session.client.on("rebalance", (change, partitions) => this.#rebalance(change, partitions));
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async join(signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { signal: waiting.signal });
      if (signal.aborted) reject(signal.reason as Error);
    });
    try {
      await Promise.race([this.#wait(waiting.signal), aborted]);
    } finally {
      waiting.abort();
    }
  }

  async committed(): Promise<number | undefined> {
    const partitions = [{ topic: this.topic, partition: 0 }];
    const [at] = await this.#session.insist<RdKafka.TopicPartitionOffset[]>((done) =>
      this.#session.client.committed(partitions, CALL_MS, done),
    );
    return at?.offset === undefined || at.offset < 0 ? undefined : at.offset;
  }

  /** Lends the group's member to a transaction, and stays in the group until it is through. */
  lend<T>(use: (member: RdKafka.KafkaConsumer) => Promise<T>): Promise<T> {
    return this.#session.keepFor(() => use(this.#session.client));
  }

  async close(): Promise<void> {
    await this.#session.close(LEAVE_MS);
    this.#lost.abort();
  }

  async #wait(stop: AbortSignal): Promise<void> {
    this.#session.client.subscribe([this.topic]);
    const serving = this.#serve();
    await Promise.race([this.#assigned, this.#watchCluster(stop), serving]);
  }

  /** Leaving the group revokes too and waits for this answer, and the client may be gone when the news comes. */
  #rebalance(change: RdKafka.LibrdKafkaError, partitions: readonly RdKafka.TopicPartition[]): void {
    try {
      if (change.code === CODE.assigned) this.#take(partitions);
      else this.#give(partitions);
    } catch (error) {
      if (!this.#session.closing.aborted) throw error;
      // Whatever else a member holds or is given is revoked when it leaves.
      if (change.code === CODE.assigned && partitions.length === 0 && !this.#holds) void this.#decline();
    }
  }

  /**
   * A client that is being closed takes no partitions any more, not even none, and yet waits for an answer without an end, and
   * with it the process, whose exit waits for its threads. It can be told to drop what it has, once its leaving has begun.
   */
  async #decline(): Promise<void> {
    while (!this.#lost.signal.aborted) {
      try {
        this.#session.client.unassign();
        return;
      } catch {
        await sleep(DECLINE_MS);
      }
    }
  }

  #take(partitions: readonly RdKafka.TopicPartition[]): void {
    this.#session.client.incrementalAssign(
      partitions.map((partition) => ({ ...partition, offset: OFFSET_END })),
    );
    if (partitions.length === 0) return;
    this.#holds = true;
    this.#session.client.pause([...partitions]);
    this.#onAssigned();
  }

  /**
   * A lost claim is not asked for again: the client would join once more by itself, and one that ends before it has its new
   * member id holds the group up for a whole session.
   */
  #give(partitions: readonly RdKafka.TopicPartition[]): void {
    if (partitions.length > 0) {
      this.#holds = false;
      this.#lost.abort();
      this.#session.client.unsubscribe();
    }
    this.#session.client.incrementalUnassign(partitions);
  }

  /** Rebalances happen inside of consume: what it returns (nothing, or trouble that mends itself) is of no interest. */
  async #serve(): Promise<void> {
    const { client, closing, edge } = this.#session;
    while (!closing.aborted) {
      await this.#session
        .call<RdKafka.Message[]>((done) => client.consume(1, done))
        .catch((error: RdKafka.LibrdKafkaError) =>
          edge.log.debug({ code: error.code, group: this.group }, "kafka group"),
        );
      await sleep(SERVE_MS);
    }
  }

  /** Rejects when the cluster did not answer for long; resolves only when told to stop. */
  async #watchCluster(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await sleep(CHECK_MS, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return;
      await this.#session.insist<RdKafka.Metadata>((done) =>
        this.#session.client.getMetadata({ topic: this.topic, timeout: CALL_MS }, done),
      );
    }
  }
}
