import { pino } from "pino";
import { expect, test } from "vitest";
import { untilAllEnd } from "../../runtime/chain-works.ts";
import type { ChainName } from "../../stream/block.ts";

const chains = ["a", "b", "c"] as ChainName[];

/** Works that end when the story says so, with what it says; all do at once when one crashes, as a process would. */
function stage(served: readonly ChainName[] = chains) {
  const ending = new AbortController();
  const said: unknown[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const log = pino({ base: null, timestamp: false }, { write: (line) => said.push(JSON.parse(line)) });
  const end = untilAllEnd({
    chains: served,
    work: (chain) =>
      new Promise<void>((resolve, reject) => {
        ends.set(chain, (error) => (error === undefined ? resolve() : reject(error)));
        ending.signal.addEventListener("abort", () => reject(new Error("let go")));
      }),
    crashed: () => ending.abort(),
    log,
    signal: ending.signal,
  });
  return { end, said, ending, finish: (chain: string, error?: Error) => ends.get(chain)?.(error) };
}

const verdict = (name: string) => Object.assign(new Error(`the reason of ${name}`), { name });

test("a verdict leaves its chain behind at once, and is the exit code when the others have ended", async () => {
  const { end, said, finish } = stage();
  finish("b", verdict("DayClosed"));
  const line = "chain left behind: mend what the reason names, then start again; the others go on";
  const halted = { level: 50, chain: "b", code: 3, reason: "the reason of DayClosed", msg: line };
  await expect.poll(() => said).toEqual([halted]);
  finish("a", verdict("TopicMisconfigured"));
  await expect.poll(() => said.length).toBe(2);
  finish("c");
  expect(await end).toBe(3);
});

test("a verdict is the exit code also where a signal ends the others", async () => {
  const { end, finish, said, ending } = stage();
  finish("b", verdict("DatabaseUnreachable"));
  await expect.poll(() => said.length).toBe(1);
  ending.abort();
  expect(await end).toBe(4);
});

test("a crash ends all, for whoever starts the process again, and is what is thrown", async () => {
  const { end, finish, said } = stage();
  finish("b", verdict("DayClosed"));
  await expect.poll(() => said.length).toBe(1);
  finish("a", new TypeError("a bug"));
  await expect(end).rejects.toThrow("a bug");
});

test("all through is code 0, and so is a signal", async () => {
  const through = stage();
  for (const chain of chains) through.finish(chain);
  expect(await through.end).toBe(0);
  const signalled = stage();
  signalled.ending.abort();
  expect(await signalled.end).toBe(0);
  expect(await stage([]).end).toBe(0);
});

test("what ends the only chain is thrown", async () => {
  const { end, finish, said } = stage(["a" as ChainName]);
  finish("a", verdict("DayClosed"));
  await expect(end).rejects.toThrow("the reason of DayClosed");
  expect(said).toEqual([]);
});
