import type { Logger } from "pino";
import type { Clock } from "../../stream/kafka/clock.ts";
import { DatabaseUnreachable, isOutage } from "./outage.ts";

/** Whom an outage concerns, and what ends the waiting. */
export interface Persistence {
  readonly place: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

/** As long as ingest waits for its nodes: a Postgres that restarts is back within seconds, a failover within minutes. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/** Does `work` again, with growing pauses, while Postgres is away. Throws `DatabaseUnreachable` when it stays away, and when `signal` aborts. */
export async function persist<T>(work: () => Promise<T>, persistence: Persistence): Promise<T> {
  const { place, log, clock, signal, patienceMs = PATIENCE_MS } = persistence;
  const deadline = clock.now() + patienceMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
      const cause = error instanceof DatabaseUnreachable ? error.cause : error;
      if (clock.now() > deadline) throw new DatabaseUnreachable(place, { cause });
      if (waitMs === FIRST_WAIT_MS) log.warn({ place, reason: (cause as Error).message }, "postgres away");
      await clock.sleep(waitMs, signal);
    }
  }
}
