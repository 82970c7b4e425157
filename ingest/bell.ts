import type { Clock } from "../stream/kafka/clock.ts";
import { follow } from "./abort.ts";

/** Rings when a node announces a head; a ring that nobody waited for is not forgotten. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, at once if it rang since the last time, or after `waitMs`. Rejects when `signal` aborts. */
  next(waitMs: number, signal: AbortSignal): Promise<void>;
}

/** A bell that has not rung. */
export function openBell(clock: Clock): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    ring: () => {
      rung = true;
      wake();
    },
    next: async (waitMs, signal) => {
      const waiting = follow(signal);
      wake = waiting.abort;
      if (rung) wake();
      await clock.sleep(waitMs, waiting.signal).catch(() => undefined);
      wake = () => undefined;
      rung = false;
      waiting.release();
      signal.throwIfAborted();
    },
  };
}
