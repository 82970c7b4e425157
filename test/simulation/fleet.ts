import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Errand, Word } from "./worker.ts";

/** How many seeds were run, and which of them failed first. */
export interface Voyage {
  readonly runs: number;
  readonly blocks: number;
  /** As in `Tally`. */
  readonly seen: ReadonlySet<string>;
  readonly struck: ReadonlySet<string>;
  readonly failed: number | undefined;
}

/** Which seeds, and by which build of the simulator. */
export interface Plan {
  readonly first: number;
  readonly runs: number;
  readonly worker: URL;
}

/** Runs seeds `first` to `first + runs - 1` on all cores; ends at the first one that fails. */
export async function sail({ first, runs, worker }: Plan): Promise<Voyage> {
  const step = Math.min(runs, availableParallelism());
  const seen = new Set<string>();
  const struck = new Set<string>();
  const tally = { runs: 0, blocks: 0, failed: undefined as number | undefined };
  const workers = Array.from({ length: step }, (_, at) =>
    start(worker, { first: first + at, last: first + runs - 1, step }, (word) => {
      if (word.kind === "failed") {
        tally.failed = Math.min(tally.failed ?? word.seed, word.seed);
        return false;
      }
      tally.runs += word.runs;
      tally.blocks += word.blocks;
      for (const point of word.seen) seen.add(point);
      for (const point of word.struck) struck.add(point);
      return tally.failed === undefined;
    }),
  );
  await Promise.all(workers);
  return { ...tally, seen, struck, runs: tally.failed === undefined ? tally.runs : tally.failed - first + 1 };
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
