/** How many blocks the median is taken of, the newest included (Bitcoin Core, `chain.h`: `nMedianTimeSpan`). */
const MEDIAN_SPAN = 11;

/** A block's time (Unix seconds), and the offset of the record that tells it. */
export interface TimedBlock {
  readonly height: number;
  readonly time: number;
  readonly offset: number;
}

/** The blocks that the median time past after `next` rests on, oldest first. */
export function lastTimed(recent: readonly TimedBlock[], next: TimedBlock): readonly TimedBlock[] {
  return [...recent, next].slice(-MEDIAN_SPAN);
}

/**
 * The median time past after the newest of `recent`: the next block's time must exceed it, and so must all later ones', since
 * it never falls. Null while a block of its span is missing. `firstHeight`: the chain's first block in Sluice.
 */
export function medianTimePast(recent: readonly TimedBlock[], firstHeight: number): number | null {
  const newest = recent.at(-1);
  if (newest === undefined) return null;
  const span = Math.min(MEDIAN_SPAN, newest.height + 1);
  const times = recent.map((block) => block.time);
  if (firstHeight === 1 && newest.height < MEDIAN_SPAN) times.push(BEFORE_ALL_TIMES);
  if (times.length < span) return null;
  return times.sort((one, other) => one - other)[Math.floor(span / 2)] ?? null;
}

/** Block 0's place in the order of times: block 1 exceeds its time, and so do all medians and all blocks after it. */
const BEFORE_ALL_TIMES = Number.NEGATIVE_INFINITY;
