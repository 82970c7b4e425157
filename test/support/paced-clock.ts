import { CLOCK, type Clock } from "../../stream/kafka/clock.ts";

/** A clock on which time passes while somebody waits, and only then: what a busy machine takes from the work between is nobody's outage. */
export function pacedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      const wakesAt = now + ms;
      await CLOCK.sleep(ms, signal);
      now = Math.max(now, wakesAt);
    },
    random: CLOCK.random,
  };
}
