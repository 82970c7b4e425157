import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { sail, seedsFrom } from "./fleet.ts";
import { runStory } from "./run.ts";
import { shrink } from "./shrink.ts";
import { type Case, readable, storyOf } from "./story.ts";

/** `make simulate`: runs seeds, then kills once wherever none of them did; of one that fails it prints the shortest story, and keeps it as a test; `--keep` says what it shows. */

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "100" },
    keep: { type: "string" },
  },
});

const first = values.seed === undefined ? randomInt(1, 2 ** 31) : Number(values.seed);
const runs = Number(values.runs);
if (![first, runs].every((number) => Number.isSafeInteger(number) && number > 0))
  throw new Error("SEED and RUNS are whole numbers above zero");

print(`seeds ${first} to ${first + runs - 1}`);
const startedAt = performance.now();
const worker = new URL(import.meta.resolve("./worker.js"));
const voyage = await sail({ cases: seedsFrom(first, runs), worker });
const failed = voyage.failed ?? (await strikeTheRest());
if (failed !== undefined) {
  await explain(failed);
  process.exitCode = 1;
}

/** Kills at each point that the seeds came to and at which no process died; the case that failed. */
async function strikeTheRest(): Promise<Case | undefined> {
  print(
    `${voyage.runs} runs, ${voyage.blocks} final blocks, in ${elapsed()} s: topics and stores are what the oracle says, every time`,
  );
  // A seed alone is run to see that one again.
  if (runs === 1) return undefined;
  const rest = [...voyage.seen].filter(([point]) => !voyage.struck.has(point));
  const { failed, struck } = await sail({ cases: rest.map(([, one]) => one), worker });
  if (failed !== undefined) return failed;
  const missed = rest.filter(([point]) => !struck.has(point));
  if (missed.length > 0) throw new Error(`nothing died ${missed.map(([point]) => point).join(", ")}`);
  print(
    `processes died at all ${voyage.seen.size} points (before or after an effect of a stage or sink): ` +
      `at ${rest.length} that chance left out in a run each, in ${elapsed()} s`,
  );
  return undefined;
}

async function explain(one: Case): Promise<void> {
  const { seed, strike } = one;
  const story = storyOf(one);
  const { story: shortest, ending } = await shrink({ story, ending: await runStory(story) });
  print(`\nseed ${seed} fails${strike === undefined ? "" : " with a kill more"}; its shortest story:\n`);
  for (const line of readable(shortest)) print(`  ${line}`);
  print("\nwhat happened in it:\n");
  for (const line of ending.diary) print(`  ${line}`);
  const reason = `${ending.failure?.name}: ${ending.failure?.message}`;
  print(`\n${reason}`);
  const again = strike === undefined ? `SEED=${seed} RUNS=1` : `SEED=${first} RUNS=${runs}`;
  const kept = `test/simulation/kept/${seed}.json`;
  const path = new URL(import.meta.resolve(`../../../${kept}`));
  const isKept = existsSync(path);
  print(
    `\nagain: make simulate ${again}; kept as a test${isKept ? " before, and left as it is" : ""}: ${kept}`,
  );
  if (isKept) return;
  const why = values.keep ?? reason;
  await writeFile(path, `${JSON.stringify({ why, story: shortest }, undefined, 2)}\n`);
}

function elapsed(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
