import { type ChainBlock, fork, grow } from "./chain.ts";

/** How a chain is told: how often it forks, and how deep at most. */
export interface StoryOptions {
  /** Blocks between two forks. */
  readonly forkEvery: number;
  /** Depths go from 1 to this and begin again. */
  readonly deepest: number;
}

/**
 * The heads that a node shows, one after another, as its chain grows above `first` for ever: mostly one more block,
 * every `forkEvery` blocks a rival branch that is one block longer. Deterministic.
 */
export function* story(
  first: ChainBlock,
  { forkEvery, deepest }: StoryOptions,
): Generator<ChainBlock, never> {
  let tip = first;
  let sinceFork = 0;
  for (let forks = 0; ; ) {
    const depth = 1 + (forks % deepest);
    if (sinceFork >= Math.max(forkEvery, depth)) {
      forks += 1;
      sinceFork = 0;
      tip = fork(tip, depth, `fork ${forks}`);
    } else {
      sinceFork += 1;
      tip = grow(tip, 1);
    }
    yield tip;
  }
}
