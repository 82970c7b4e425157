import { parentPort, workerData } from "node:worker_threads";
import { runStory } from "./run.ts";
import { type Case, type Strike, storyOf } from "./story.ts";

/** What a thread is to run, in this order. */
export type Errand = readonly Case[];

/** Runs that were as they must be. */
export interface Tally {
  readonly runs: number;
  readonly blocks: number;
  /** Points at which a process could have died (before or after a kind of effect), by a case that comes to it, and those at which one did. */
  readonly seen: ReadonlyMap<string, Required<Case>>;
  readonly struck: ReadonlySet<string>;
}

/** What a thread tells: what went well since its last word, or the case of a run that did not. */
export type Word = ({ readonly kind: "well" } & Tally) | { readonly kind: "failed"; readonly failed: Case };

/** Runs between two words. */
const RUNS_A_WORD = 20;

const errand = workerData as Errand;
const say = (word: Word) => parentPort?.postMessage(word);
let tally = emptyTally();
for (const [at, one] of errand.entries()) {
  const { failure, blocks, points } = await runStory(storyOf(one));
  if (failure !== undefined) say({ kind: "failed", failed: one });
  tally.runs += 1;
  tally.blocks += blocks;
  // Where a strike came before it, only a story of its own seed comes to the point by its count.
  if (one.strike === undefined) for (const [point, strike] of points.seen) note(point, one.seed, strike);
  for (const point of points.struck) tally.struck.add(point);
  if (tally.runs < RUNS_A_WORD && at + 1 < errand.length) continue;
  say({ kind: "well", ...tally });
  tally = emptyTally();
}

function emptyTally() {
  return { runs: 0, blocks: 0, seen: new Map<string, Required<Case>>(), struck: new Set<string>() };
}

function note(point: string, seed: number, strike: Strike): void {
  if (!tally.seen.has(point)) tally.seen.set(point, { seed, strike });
}
