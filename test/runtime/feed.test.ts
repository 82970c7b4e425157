import { expect, test } from "vitest";
import { attemptOften } from "../../runtime/verbs/feed.ts";
import type { Clock } from "../../stream/kafka/clock.ts";

/** A clock whose sleeps end at once, and what was slept. */
function hastyClock(): { readonly clock: Clock; readonly slept: number[] } {
  const slept: number[] = [];
  const sleep = async (ms: number, signal?: AbortSignal) => {
    slept.push(ms);
    signal?.throwIfAborted();
  };
  return { clock: { now: () => 0, random: () => 0, sleep }, slept };
}

test("a feed that follows waits for five seconds by the monotonic clock after each attempt, until it is told to end", async () => {
  const { clock, slept } = hastyClock();
  const told = new AbortController();
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
    if (attempts === 3) told.abort();
  };
  await attemptOften(attempt, clock, told.signal);
  expect([attempts, slept]).toEqual([3, [5000, 5000, 5000]]);
});

test("a feed that was told to end before it began attempts nothing", async () => {
  const { clock, slept } = hastyClock();
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
  };
  await attemptOften(attempt, clock, AbortSignal.abort());
  expect([attempts, slept]).toEqual([0, []]);
});
