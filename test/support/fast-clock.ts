import type { Clock } from "../../stream/kafka/clock.ts";

/** A clock on which a wait is over at once and has taken its time all the same, once others have had a turn. */
export function fastClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      signal?.throwIfAborted();
      now += ms;
    },
    random: () => 0.5,
  };
}

/** The clock of a process that is frozen from now on, as far as waits go: none ends, unless it is told to. */
export function frozenClock(): Clock {
  return {
    now: () => 0,
    sleep: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      }),
    random: () => 0.5,
  };
}
