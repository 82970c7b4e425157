import { setTimeout as sleep } from "node:timers/promises";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { ensureTopics } from "./admin.ts";
import type { Broker, Claim, Reader, TopicBounds, Writer } from "./broker.ts";
import { joinGroup } from "./claim.ts";
import { TopicMissing } from "./errors.ts";
import { CODE, codeOf, type Edge, makeConsumer, type RdConsumer } from "./rd.ts";
import { openReader } from "./reader.ts";
import { CALL_MS, OUTAGE_MS, Session } from "./session.ts";
import type { TopicSpec } from "./topics.ts";
import { openWriter } from "./writer.ts";

/** Connects to a Kafka cluster. Throws `BrokerUnreachable` when none of its brokers answers for half a minute, or when `signal` aborts. */
export async function openBroker(edge: Edge): Promise<Broker> {
  const asker = await Session.open(edge, () => makeConsumer(edge, { "group.id": "sluice-asker" }));
  return new KafkaBroker(edge, asker);
}

/** How often a transaction in doubt is asked for; it takes milliseconds, or until a dead writer's one times out. */
const IN_DOUBT_STEP_MS = 10;

/** How often a topic that seems to be missing is looked for, and the pause between. */
const LOOKS = 5;
const LOOK_PAUSE_MS = 100;

/** How the cluster and the client say that a topic is not there. */
const MISSING: ReadonlySet<number> = new Set([
  CODE.unknownTopicOrPartition,
  CODE.noEntry,
  CODE.unknownTopic,
  CODE.unknownPartition,
]);

class KafkaBroker implements Broker {
  readonly #edge: Edge;
  /** Reads nothing: asks for offsets. */
  readonly #asker: Session<RdConsumer>;
  /** Asks over the same connection. */
  readonly #admin: RdKafka.IAdminClient;

  constructor(edge: Edge, asker: Session<RdConsumer>) {
    this.#edge = edge;
    this.#asker = asker;
    this.#admin = RdKafka.AdminClient.createFrom(asker.client);
  }

  ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    return ensureTopics(this.#edge, specs);
  }

  claim(where: { readonly group: string; readonly topic: string }, signal: AbortSignal): Promise<Claim> {
    return joinGroup(this.#edge, where, signal);
  }

  openWriter(transactionalId: string): Promise<Writer> {
    return openWriter(this.#edge, transactionalId);
  }

  openReader(topic: string, offset: number): Promise<Reader> {
    return openReader(this.#edge, topic, offset);
  }

  /**
   * The last stable offset lags behind: a transaction that is committed gets its markers a little later, in one topic
   * before the other. All that was written before the call is waited for, so that nothing written together falls apart.
   */
  async bounds(topic: string): Promise<TopicBounds> {
    const end = await this.#end(topic).catch((cause: unknown) => this.#endOfUnknown(topic, cause));
    const deadline = performance.now() + OUTAGE_MS;
    for (;;) {
      const { lowOffset: low, highOffset: high } = await this.#stable(topic);
      if (high >= end || performance.now() >= deadline) return { low, high };
      await sleep(IN_DOUBT_STEP_MS, undefined, { signal: this.#asker.ending });
    }
  }

  close(): Promise<void> {
    return this.#asker.close();
  }

  /** A `read_committed` consumer is told the last stable offset as the high one. */
  #stable(topic: string): Promise<RdKafka.WatermarkOffsets> {
    const { client } = this.#asker;
    return this.#asker
      .insist<RdKafka.WatermarkOffsets>((done) => client.queryWatermarkOffsets(topic, 0, CALL_MS, done))
      .catch((error: unknown) => {
        throw named(error, topic);
      });
  }

  /**
   * The client goes on to believe that a topic is missing, however often it is asked: only fresh metadata tells it. And a
   * broker may not know for a moment of a topic that was just made.
   */
  async #endOfUnknown(topic: string, cause: unknown): Promise<number> {
    const { client } = this.#asker;
    let error = cause;
    for (let look = 0; isMissing(error) && look < LOOKS; look += 1) {
      if (look > 0) await sleep(LOOK_PAUSE_MS);
      await this.#asker.insist<RdKafka.Metadata>((done) =>
        client.getMetadata({ topic, allTopics: false, timeout: CALL_MS }, done),
      );
      const end = await this.#end(topic).catch((again: unknown) => {
        error = again;
        return undefined;
      });
      if (end !== undefined) return end;
    }
    throw named(error, topic);
  }

  /** Where the log ends, transactions in doubt included. */
  async #end(topic: string): Promise<number> {
    const where = [{ topic, partition: 0, offset: RdKafka.OffsetSpec.LATEST }];
    const options = { timeout: CALL_MS, isolationLevel: RdKafka.IsolationLevel.READ_UNCOMMITTED };
    const [found] = await this.#asker.insist<RdKafka.ListOffsetsResult[]>((done) =>
      this.#admin.listOffsets(where, options, done),
    );
    return found?.offset ?? 0;
  }
}

function named(error: unknown, topic: string): unknown {
  return isMissing(error) ? new TopicMissing(topic, { cause: error }) : error;
}

function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error) ?? 0);
}
