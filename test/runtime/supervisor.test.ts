import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { ChainStage, Passage, StageSpec, SupervisorEdge } from "../../runtime/supervised-stage.ts";
import { supervise } from "../../runtime/supervisor.ts";
import { collectUntil, type Untils } from "../../runtime/until.ts";
import type { ChainName } from "../../stream/block.ts";

const none: Untils = new Map();

/** Every start of a stage, as its words, in order; what it ends with, and how far each chain is (`a final`), is the story's to say. */
function theatre(heights: Readonly<Record<string, number>> = {}) {
  const running = new Map<string, (code: number) => void>();
  const starts: string[] = [];
  const ending = new AbortController();
  const edge: SupervisorEdge = {
    log: pino({ level: "silent" }),
    signal: ending.signal,
    backoffMs: { first: 1, longest: 4 },
    heightOf: async (chain, passage) => heights[`${chain} ${passage}`],
    start: (args) => {
      const words = args.join(" ");
      starts.push(words);
      const ended = new Promise<number>((resolve) => running.set(words, resolve)).finally(() =>
        running.delete(words),
      );
      return { pid: undefined, ended, stop: async () => end(words, 0) };
    },
  };
  const end = (words: string, code: number): number => {
    running.get(words)?.(code);
    return code;
  };
  /** Waits until the stage runs, then ends it. */
  const endWith = async (words: string, code: number) => {
    await expect.poll(() => running.has(words), { interval: 1 }).toBe(true);
    end(words, code);
  };
  const runs = () => [...running.keys()].sort();
  const settled = async (wanted: readonly string[]) =>
    expect.poll(runs, { interval: 1 }).toEqual([...wanted].sort());
  return { edge, starts, endWith, settled, stopAll: () => ending.abort() };
}

function stages(...chains: string[]): readonly StageSpec[] {
  const of = (words: string, role: ChainStage["role"], leaves: Passage): StageSpec => {
    const args = words.split(" ");
    return { name: words, args, chain: args.at(-1) as ChainName, role, leaves };
  };
  return [
    ...chains.flatMap((chain) => [
      of(`ingest ${chain}`, "source", "final"),
      of(`gate ${chain}`, "source", "final"),
      of(`flows ${chain}`, "processor", "flows"),
      of(`store ${chain}`, "processor", "final"),
    ]),
    { name: "feed", args: ["feed"], role: "extra" },
  ];
}

describe("a crash", () => {
  test("is followed by a restart, and by nothing else; so is a signal that somebody else sent", async () => {
    const { edge, starts, endWith, settled, stopAll } = theatre();
    const code = supervise(stages("a"), none, edge);
    await settled(["ingest a", "gate a", "flows a", "store a", "feed"]);
    await endWith("gate a", 1);
    await expect.poll(() => starts.filter((words) => words === "gate a").length).toBe(2);
    await endWith("gate a", 137);
    await expect.poll(() => starts.filter((words) => words === "gate a").length).toBe(3);
    expect(starts.length).toBe(7);
    await endWith("gate a", 0);
    await expect.poll(() => starts.filter((words) => words === "gate a").length).toBe(4);
    stopAll();
    expect(await code).toBe(0);
  });

  test("that comes again and again is given up in the end, as a bug", async () => {
    const { edge, starts, endWith } = theatre({ "a final": 5 });
    const code = supervise(stages("a"), none, edge);
    for (let crash = 0; crash < 8; crash++) await endWith("ingest a", 1);
    await endWith("flows a --until a=5", 0);
    await endWith("store a --until a=5", 0);
    expect(await code).toBe(1);
    expect(starts.filter((words) => words === "ingest a").length).toBe(8);
  });
});

describe("a halt", () => {
  test("stops its chain, drains what is final into its stores, and lets the others go on", async () => {
    const { edge, endWith, settled, stopAll } = theatre({ "a final": 7, "b final": 9 });
    const code = supervise(stages("a", "b"), none, edge);
    const others = ["ingest b", "gate b", "flows b", "store b", "feed"];
    await endWith("gate a", 3);
    await settled(["flows a --until a=7", "store a --until a=7", ...others]);
    await endWith("store a --until a=7", 0);
    await endWith("flows a --until a=7", 0);
    await settled(others);
    stopAll();
    expect(await code).toBe(3);
  });

  test("of the last chain ends the run, with the code of the first", async () => {
    const { edge, starts, endWith, settled } = theatre({ "a final": 7, "b final": 9 });
    const code = supervise(stages("a", "b"), none, edge);
    await endWith("ingest b", 5);
    for (const verb of ["flows", "store"]) await endWith(`${verb} b --until b=9`, 0);
    await endWith("gate a", 3);
    await endWith("flows a --until a=7", 0);
    await settled(["store a --until a=7", "feed"]);
    await endWith("store a --until a=7", 0);
    expect(await code).toBe(5);
    expect(starts.filter((words) => words.startsWith("ingest"))).toEqual(["ingest a", "ingest b"]);
  });

  test("before anything was final leaves nothing to drain", async () => {
    const { edge, endWith } = theatre();
    const code = supervise(stages("a"), none, edge);
    await endWith("ingest a", 4);
    expect(await code).toBe(4);
  });

  test("of a store stops what feeds it, and what is final still gets through the other stages; other chains go on", async () => {
    const { edge, endWith, settled, stopAll } = theatre({ "a final": 7, "b final": 9 });
    const code = supervise(stages("a", "b"), none, edge);
    await endWith("store a", 3);
    const others = ["ingest b", "gate b", "flows b", "store b", "feed"];
    await settled(["flows a --until a=7", ...others]);
    await endWith("flows a --until a=7", 0);
    await settled(others);
    stopAll();
    expect(await code).toBe(3);
  });

  test("of a stage in the middle lets those behind it end with what it left them", async () => {
    const { edge, endWith, settled } = theatre({ "a final": 7, "a flows": 5 });
    const code = supervise(stages("a"), none, edge);
    await endWith("flows a", 3);
    await settled(["store a --until a=5", "feed"]);
    await endWith("store a --until a=5", 0);
    expect(await code).toBe(3);
  });

  test("that comes while a chain drains shortens the way that is left", async () => {
    const { edge, starts, endWith, settled } = theatre({ "a final": 7, "a flows": 5 });
    const code = supervise(stages("a"), none, edge);
    await endWith("gate a", 3);
    await endWith("flows a --until a=7", 2);
    await settled(["store a --until a=5", "feed"]);
    await endWith("store a --until a=5", 0);
    expect(await code).toBe(3);
    expect(starts.filter((words) => words.startsWith("store"))).toEqual([
      "store a",
      "store a --until a=7",
      "store a --until a=5",
    ]);
  });

  test("of the feed stops nothing", async () => {
    const { edge, endWith, settled, stopAll } = theatre();
    const code = supervise(stages("a"), none, edge);
    await endWith("feed", 2);
    await settled(["ingest a", "gate a", "flows a", "store a"]);
    stopAll();
    expect(await code).toBe(2);
  });
});

describe("an end", () => {
  const until = collectUntil("b=3", collectUntil("a=2", none));
  const wordsOf = (chain: string, height: number) =>
    ["ingest", "gate", "flows", "store"].map((verb) => `${verb} ${chain} --until ${chain}=${height}`);

  test("comes by itself once every stage is through; each is told of its own chain", async () => {
    const { edge, starts, endWith, settled } = theatre();
    const code = supervise(stages("a", "b"), until, edge);
    const all = [...wordsOf("a", 2), ...wordsOf("b", 3)];
    await settled([...all, "feed"]);
    for (const words of all) await endWith(words, 0);
    expect(await code).toBe(0);
    expect(starts.length).toBe(9);
  });

  test("that a halted chain can't reach is where it stands", async () => {
    const { edge, endWith } = theatre({ "a final": 1 });
    const code = supervise(stages("a", "b"), until, edge);
    await endWith("gate a --until a=2", 3);
    for (const verb of ["flows", "store"]) await endWith(`${verb} a --until a=1`, 0);
    for (const words of wordsOf("b", 3)) await endWith(words, 0);
    expect(await code).toBe(3);
  });

  test("is not passed by a chain that halts beyond it: stages go on as they are", async () => {
    const { edge, starts, endWith } = theatre({ "a final": 9 });
    const code = supervise(stages("a"), collectUntil("a=2", none), edge);
    await endWith("gate a --until a=2", 3);
    for (const verb of ["flows", "store"]) await endWith(`${verb} a --until a=2`, 0);
    expect(await code).toBe(3);
    expect(starts.length).toBe(5);
  });
});

test("a stop stops all, restarts nothing, and is no failure", async () => {
  const { edge, starts, settled, stopAll } = theatre();
  const code = supervise(stages("a"), none, edge);
  await settled(["ingest a", "gate a", "flows a", "store a", "feed"]);
  stopAll();
  expect(await code).toBe(0);
  await settled([]);
  expect(starts.length).toBe(5);
});
