import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { sail } from "./fleet.ts";
import { runStory } from "./run.ts";
import { shrink } from "./shrink.ts";
import { readable, tell } from "./story.ts";

/** `make simulate`: runs seeds; of one that fails it prints the shortest story, and keeps it as a test where `--keep` says why. */

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

process.stdout.write(`seeds ${first} to ${first + runs - 1}\n`);
const startedAt = performance.now();
const voyage = await sail({ first, runs, worker: new URL(import.meta.resolve("./worker.js")) });
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
if (voyage.failed === undefined) {
  process.stdout.write(
    `${voyage.runs} runs, ${voyage.blocks} final blocks, in ${seconds} s: topics and stores are what the oracle says, every time\n` +
      `processes died at ${voyage.struck.size} of ${voyage.seen.size} points (before or after an effect of a stage or sink)\n`,
  );
} else {
  await explain(voyage.failed);
  process.exitCode = 1;
}

async function explain(seed: number): Promise<void> {
  const story = tell(seed);
  const { story: shortest, ending } = await shrink({ story, ending: await runStory(story) });
  process.stdout.write(`\nseed ${seed} fails; its shortest story:\n\n`);
  for (const line of readable(shortest)) process.stdout.write(`  ${line}\n`);
  process.stdout.write("\nwhat happened in it:\n\n");
  for (const line of ending.diary) process.stdout.write(`  ${line}\n`);
  process.stdout.write(`\n${ending.failure?.name}: ${ending.failure?.message}\n`);
  process.stdout.write(
    `\nagain: make simulate SEED=${seed} RUNS=1; to keep it as a test: KEEP="what it shows"\n`,
  );
  if (values.keep === undefined) return;
  const path = new URL(import.meta.resolve(`../../../test/simulation/kept/${seed}.json`));
  await writeFile(path, `${JSON.stringify({ why: values.keep, story: shortest }, undefined, 2)}\n`);
}
