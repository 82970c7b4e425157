import { abortable } from "./abort.ts";

/** A bound on how much of one kind of work is under way at once. */
export interface Slots {
  /** Works as soon as there is room. Rejects when `signal` aborts before that. */
  hold<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Room for `count` works at once; who waits longest comes first. */
export function openSlots(count: number): Slots {
  let free = count;
  let waiting: (() => void)[] = [];
  /** All are woken and look again in their order: one of them may have left without a word. */
  const wakeAll = () => {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  return {
    hold: async (work, signal) => {
      while (free === 0) {
        await abortable(new Promise<void>((resolve) => void waiting.push(resolve)), signal);
      }
      free -= 1;
      try {
        return await work();
      } finally {
        free += 1;
        wakeAll();
      }
    },
  };
}
