import { parentPort, workerData } from "node:worker_threads";
import { runStory } from "./run.ts";
import { tell } from "./story.ts";

/** What a thread is to do: every `step`th seed from `first` on, up to `last`. */
export interface Errand {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** Runs that were as they must be. */
export interface Tally {
  readonly runs: number;
  readonly blocks: number;
  /** Points at which a process could have died (before or after a kind of effect), and those at which one did. */
  readonly seen: readonly string[];
  readonly struck: readonly string[];
}

/** What a thread tells: what went well since its last word, or the seed of a run that did not. */
export type Word = ({ readonly kind: "well" } & Tally) | { readonly kind: "failed"; readonly seed: number };

/** Runs between two words. */
const RUNS_A_WORD = 20;

const { first, last, step } = workerData as Errand;
const say = (word: Word) => parentPort?.postMessage(word);
let tally = { runs: 0, blocks: 0, seen: new Set<string>(), struck: new Set<string>() };
for (let seed = first; seed <= last; seed += step) {
  const { failure, blocks, points } = await runStory(tell(seed));
  if (failure !== undefined) say({ kind: "failed", seed });
  tally.runs += 1;
  tally.blocks += blocks;
  for (const point of points.seen) tally.seen.add(point);
  for (const point of points.struck) tally.struck.add(point);
  if (tally.runs < RUNS_A_WORD && seed + step <= last) continue;
  say({ kind: "well", ...tally, seen: [...tally.seen], struck: [...tally.struck] });
  tally = { runs: 0, blocks: 0, seen: new Set(), struck: new Set() };
}
