import { setTimeout as sleep } from "node:timers/promises";

/** Time and chance, so that a simulation can own both. `now` in milliseconds, from an origin of its own. */
export interface Clock {
  now(): number;
  /** Rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

/** The real ones. */
export const CLOCK: Clock = {
  now: () => performance.now(),
  // Node's timers may fire up to a millisecond early, and a node that is not ready yet would cost a round.
  sleep: async (ms, signal) => {
    await sleep(Math.ceil(ms) + 1, undefined, signal === undefined ? {} : { signal });
  },
  random: () => Math.random(),
};
