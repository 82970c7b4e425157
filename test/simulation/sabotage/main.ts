import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { sail, seedsFrom } from "../fleet.ts";
import { applyPatch, buildCopy, copyTree, listPatches, type Patch, revertPatch } from "./workshop.ts";

/** `make sabotage`: each patch breaks one rule in a copy of the product, nearly always in one place; the simulator must find it. */

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "1000" },
    only: { type: "string" },
  },
});

const seed = Number(values.seed);
const runs = Number(values.runs);
const cases = seedsFrom(seed, runs);
const patches = (await listPatches()).filter(({ name }) => values.only === undefined || name === values.only);
const copy = await copyTree();
let missed = 0;
try {
  await assertHonest();
  for (const patch of patches) {
    const found = await hunt(patch);
    if (found === undefined) missed += 1;
    const when = found === undefined ? `NOT FOUND in ${runs} runs` : `found in run ${found}`;
    process.stdout.write(`${patch.name.padEnd(32)} ${when.padEnd(24)} ${patch.breaks}\n`);
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
process.stdout.write(`${patches.length - missed} of ${patches.length} sabotages found\n`);
if (missed > 0) process.exitCode = 1;

/** Throws where the copy fails before anything is broken in it, in any of the runs: a sabotage would seem to be found there. */
async function assertHonest(): Promise<void> {
  const { failed } = await sail({ cases, worker: await buildCopy(copy) });
  if (failed !== undefined)
    throw new Error(`the product fails as it is, with seed ${failed.seed}: mend that first`);
}

/** In which run the sabotage shows; undefined: in none. */
async function hunt(patch: Patch): Promise<number | undefined> {
  await applyPatch(copy, patch);
  try {
    const worker = await buildCopy(copy);
    const { failed } = await sail({ cases, worker });
    return failed === undefined ? undefined : failed.seed - seed + 1;
  } finally {
    await revertPatch(copy, patch);
  }
}
