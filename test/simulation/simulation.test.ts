import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { keptStories } from "./kept.ts";
import { runStory } from "./run.ts";
import { listPatches } from "./sabotage/workshop.ts";
import { readable, storyOf, tell } from "./story.ts";

/** Enough for every kind of story; `make simulate RUNS=10000` is the long way. */
const RUNS = 100;

const run = promisify(execFile);

describe("a simulated run", () => {
  test(`ends as the oracle says, for ${RUNS} seeds`, { timeout: 240_000 }, async () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const { failure } = await runStory(tell(seed));
      expect(failure, `make simulate SEED=${seed} RUNS=1`).toBeUndefined();
    }
  });

  test("is the same run again with the same seed", async () => {
    for (const seed of [3, 7, 8, 22]) {
      const [one, other] = [await runStory(tell(seed)), await runStory(tell(seed))];
      expect(other.trace).toBe(one.trace);
      expect(one.trace.length).toBeGreaterThan(100);
    }
  });

  test("is another run with another seed", async () => {
    const [one, other] = [await runStory(tell(3)), await runStory(tell(4))];
    expect(other.trace).not.toBe(one.trace);
  });

  test("with one more kill is the same run up to it", async () => {
    for (const seed of [3, 7]) {
      const own = await runStory(tell(seed));
      const [point, strike] = [...own.points.seen].findLast(([name]) => !own.points.struck.has(name)) ?? [];
      const struck = await runStory(storyOf({ seed, ...(strike && { strike }) }));
      expect(struck.failure).toBeUndefined();
      expect(struck.points.struck).toContain(point);
      const parts = struck.diary.findIndex((line, at) => line !== own.diary[at]);
      expect(struck.diary[parts]).toMatch(new RegExp(`${strike?.role}\\.\\d: kill at`));
    }
  });

  test("is told line by line", () => {
    expect(readable(tell(3)).length).toBe(1 + tell(3).turns.length + tell(3).blows.length);
  });

  test("that failed once does not fail again", async () => {
    for (const { name, why, story } of await keptStories()) {
      const { failure } = await runStory(story);
      expect(failure, `${name}: ${why}`).toBeUndefined();
    }
  });
});

describe("a sabotage", () => {
  test("is a patch that applies, and says what it breaks", async () => {
    const patches = await listPatches();
    expect(patches.length).toBeGreaterThan(20);
    for (const { name, breaks, path } of patches) {
      await run("git", ["apply", "--check", path]).catch((error: Error) => {
        throw new Error(`${name} does not apply any more: make it anew`, { cause: error });
      });
      expect(breaks, name).toMatch(/^[A-Z].*\.$/);
    }
  });
});
