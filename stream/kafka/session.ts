import type { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { BrokerUnreachable } from "./errors.ts";
import { CODE, codeOf, type Edge } from "./rd.ts";

/** How long a call is tried while the cluster doesn't answer; above what electing a leader or restarting a broker takes (4-21 s). */
export const OUTAGE_MS = 30_000;

/** The longest wait of one call, repeated up to `OUTAGE_MS`: a stop has to wait for the call that is under way. */
export const CALL_MS = 2000;

/** The same for connecting, where TLS and SASL take a few turns more. */
const CONNECT_MS = 3000;

/** The rest between two tries. */
const RETRY_MS = 100;

/** How often a call that may not return is looked after. */
const STEP_MS = 100;

/** Disconnecting waits for the network; a process that is asked to stop does not. */
const GOODBYE_MS = 1500;

/** librdkafka's summary (`RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN`), whose event carries no code; the error before it says why. */
const ALL_DOWN = "all broker connections are down";

/** What librdkafka's log puts before each message: the thread, and the broker twice. */
const LOG_PREFIX = /^\[thrd:[^\]]*\]: (?:[a-z_]+:\/\/)?[^ ]+: /;

/** librdkafka's words when a broker does not take our log-in, or we do not take its certificate (rdkafka_sasl.c, rdkafka_ssl.c). */
const REFUSAL = /SASL authentication error|certificate verify failed|SSL handshake failed/;

/** How the native client answers a call: by an error, or by a value. */
export type Done<T> = (error: RdKafka.LibrdKafkaError | null, value: T) => void;

/**
 * A native client and the calls that are under way in it. The client must not go while one is:
 * it holds a thread in native code, where a client that is gone means a crash, or a wait for ever.
 */
export class Session<Client extends RdKafka.KafkaConsumer | RdKafka.Producer> {
  /**
   * Connects a client. Throws `BrokerUnreachable` after `OUTAGE_MS`; rejects with `signal`'s reason when it aborts.
   * Each try takes a new client: one that connects twice tells every event twice.
   */
  static async open<Client extends RdKafka.KafkaConsumer | RdKafka.Producer>(
    edge: Edge,
    make: () => Client,
    signal?: AbortSignal,
  ): Promise<Session<Client>> {
    const deadline = performance.now() + OUTAGE_MS;
    for (;;) {
      signal?.throwIfAborted();
      const session = new Session(edge, make());
      const { client } = session;
      try {
        await session.call<RdKafka.Metadata>((done) => client.connect({ timeout: CONNECT_MS }, done));
        return session;
      } catch (error) {
        await session.close();
        if (!isTransient(error)) throw error;
        const isLate = performance.now() >= deadline || edge.signal?.aborted === true;
        if (isLate || session.#isRefused()) throw session.#unreachable(error);
      }
    }
  }

  readonly client: Client;
  readonly edge: Edge;
  /** Aborted when the session is to end, or the process: only what goes on at once is still done. */
  readonly ending: AbortSignal;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  /** What went wrong last on a connection: refused, or a wrong password. */
  #trouble: Pick<Error, "message"> | undefined;

  private constructor(edge: Edge, client: Client) {
    this.edge = edge;
    this.client = client;
    const { signal } = this.#closing;
    this.ending = edge.signal === undefined ? signal : AbortSignal.any([signal, edge.signal]);
    const events: EventEmitter = client;
    events.on("event.error", (error: RdKafka.LibrdKafkaError) => {
      if (error.message !== ALL_DOWN) this.#trouble ??= error;
      edge.log.debug({ code: error.code, reason: error.message }, "kafka connection");
    });
    // The log says why a connection failed; the event that follows it only that it did.
    events.on("event.log", ({ fac, message }: { readonly fac: string; readonly message: string }) => {
      if (fac === "FAIL") this.#trouble = new Error(message.replace(LOG_PREFIX, ""));
    });
  }

  /** Aborted when the session is to end. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** One call. */
  async call<T>(start: (done: Done<T>) => void): Promise<T> {
    this.#closing.signal.throwIfAborted();
    return this.#track(promised(start));
  }

  /**
   * As `call`, for what librdkafka does not keep to its time: where no broker is left it waits with a transaction's offsets
   * for one. Throws `BrokerUnreachable` after `OUTAGE_MS`, or soon after the process is to end; the native call goes on.
   */
  async callWithin<T>(start: (done: Done<T>) => void): Promise<T> {
    this.#closing.signal.throwIfAborted();
    const over = new AbortController();
    try {
      return await this.#track(Promise.race([promised(start), this.#losePatience(over.signal)]));
    } finally {
      over.abort();
    }
  }

  /** One call, repeated while it fails by what may pass. Throws `BrokerUnreachable` after `OUTAGE_MS`, or when all is to end. */
  insist<T>(start: (done: Done<T>) => void): Promise<T> {
    return this.retry(() => this.call(start));
  }

  /** As `insist`, for what is more than one call. */
  async retry<T>(attempt: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + OUTAGE_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isTransient(error)) throw error;
        if (performance.now() >= deadline || this.ending.aborted) throw this.#unreachable(error);
        await sleep(RETRY_MS);
      }
    }
  }

  /** A last call at the end, when others are refused already. */
  async finish<T>(start: (done: Done<T>) => void): Promise<T> {
    return this.#track(promised(start));
  }

  /** Keeps the client until `use` has settled. */
  async keepFor<T>(use: () => Promise<T>): Promise<T> {
    this.#closing.signal.throwIfAborted();
    return this.#track(use());
  }

  /** Refuses further calls, lets those under way end, and leaves the cluster, for which it waits no longer than `patienceMs`. */
  async close(patienceMs = GOODBYE_MS): Promise<void> {
    this.#closing.abort();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const { client } = this;
    const gone = promised<unknown>((done) =>
      client instanceof RdKafka.Producer ? client.disconnect(GOODBYE_MS, done) : client.disconnect(done),
    );
    // A client that never came to connect has nobody to say goodbye to, and throws.
    await Promise.race([gone.catch(() => {}), sleep(patienceMs, undefined, { ref: false })]);
  }

  /** By steps that are counted, not by the clock: a process that was frozen has not waited meanwhile. */
  async #losePatience(over: AbortSignal): Promise<never> {
    for (let waitedMs = 0; waitedMs < OUTAGE_MS && !this.ending.aborted; waitedMs += STEP_MS)
      await sleep(STEP_MS, undefined, { signal: over });
    await sleep(CALL_MS, undefined, { signal: over });
    throw this.#unreachable(new Error("a call did not return"));
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  /** A wrong password or an unknown authority does not pass by waiting. */
  #isRefused(): boolean {
    return REFUSAL.test(this.#trouble?.message ?? "");
  }

  #unreachable(cause: unknown): BrokerUnreachable {
    return new BrokerUnreachable(this.edge.brokers, { cause: this.#trouble ?? cause });
  }
}

function promised<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(error);
    });
  });
}

const TRANSIENT: ReadonlySet<number> = new Set([
  CODE.timedOut,
  CODE.transport,
  CODE.allBrokersDown,
  CODE.brokerGone,
  CODE.coordinatorLoading,
  CODE.coordinatorNotAvailable,
  CODE.notCoordinator,
  // A partition's leader is gone, and the next one is being found.
  CODE.leaderNotAvailable,
  CODE.notLeader,
  CODE.requestTimedOut,
  CODE.networkException,
  CODE.fencedLeaderEpoch,
  CODE.unknownLeaderEpoch,
  CODE.offsetNotAvailable,
]);

/** Whether what a call failed by may pass, so that the call is worth repeating. */
export function isTransient(error: unknown): boolean {
  if ((error as Partial<RdKafka.LibrdKafkaError>).isRetriable === true) return true;
  const code = codeOf(error);
  return code !== undefined && TRANSIENT.has(code);
}
