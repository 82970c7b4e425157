import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Case } from "./story.ts";
import type { Errand, Tally, Word } from "./worker.ts";

/** What came of some cases. */
export interface Voyage extends Tally {
  /** The first case that failed. */
  readonly failed: Case | undefined;
}

/** Which cases, and by which build of the simulator. */
export interface Plan {
  readonly cases: readonly Case[];
  readonly worker: URL;
}

/** The stories of seeds `first` to `first + runs - 1`. */
export function seedsFrom(first: number, runs: number): readonly Case[] {
  return Array.from({ length: runs }, (_, at) => ({ seed: first + at }));
}

/** Runs cases on all cores; ends at the first one that fails. */
export async function sail({ cases, worker }: Plan): Promise<Voyage> {
  const step = Math.min(cases.length, availableParallelism());
  const seen = new Map<string, Required<Case>>();
  const struck = new Set<string>();
  const tally = { runs: 0, blocks: 0, failed: undefined as Case | undefined };
  const hear = (word: Word): boolean => {
    if (word.kind === "failed") {
      if (tally.failed === undefined || word.failed.seed < tally.failed.seed) tally.failed = word.failed;
      return false;
    }
    tally.runs += word.runs;
    tally.blocks += word.blocks;
    for (const [point, one] of word.seen)
      if (one.seed < (seen.get(point)?.seed ?? Number.POSITIVE_INFINITY)) seen.set(point, one);
    for (const point of word.struck) struck.add(point);
    return tally.failed === undefined;
  };
  const errands = Array.from({ length: step }, (_, own) => cases.filter((_one, at) => at % step === own));
  await Promise.all(errands.map((errand) => start(worker, errand, hear)));
  return { ...tally, seen, struck };
}

/** Resolves when the thread is through, or `goesOn` said no. */
function start(file: URL, errand: Errand, goesOn: (word: Word) => boolean): Promise<void> {
  const worker = new Worker(file, { workerData: errand });
  let stopped = false;
  return new Promise((resolve, reject) => {
    worker.on("message", (word: Word) => {
      if (stopped || goesOn(word)) return;
      stopped = true;
      void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}
