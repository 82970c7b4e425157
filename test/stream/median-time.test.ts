import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lastTimed, medianTimePast, type TimedBlock } from "../../stream/median-time.ts";

/** The median after each block; `times` begin at `firstHeight`. */
function mediansOf(times: readonly number[], firstHeight: number): readonly (number | null)[] {
  let recent: readonly TimedBlock[] = [];
  return times.map((time, index) => {
    recent = lastTimed(recent, { height: firstHeight + index, time, offset: index });
    return medianTimePast(recent, firstHeight);
  });
}

describe("median time past", () => {
  test("is the sixth of the last eleven times, the newest block's included", () => {
    const times = [5, 1, 9, 3, 7, 11, 2, 8, 4, 10, 6, 100, 100];
    expect(mediansOf(times, 500)).toEqual([...Array.from({ length: 10 }, () => null), 6, 7, 8]);
  });

  test("is known from block 0 on, as Bitcoin Core has it: of an even number the upper one", () => {
    expect(mediansOf([10, 20, 15, 30], 0)).toEqual([10, 20, 15, 20]);
  });

  test("is known from block 1 on too, since block 0 is older than every other block", () => {
    const times = [20, 15, 30, 21, 22, 23, 24, 25, 26, 27, 28, 29];
    expect(mediansOf(times, 1)).toEqual(mediansOf([10, ...times], 0).slice(1));
  });

  test("waits for eleven times where the chain begins at 2", () => {
    expect(mediansOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2)).toEqual([
      ...Array.from({ length: 10 }, () => null),
      6,
    ]);
  });

  test("is not known of no block", () => {
    expect(medianTimePast([], 0)).toBeNull();
  });

  test("never falls, and the times of all blocks to come exceed it", () => {
    const jitters = fc.array(fc.integer({ min: -7200, max: 7200 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(jitters, fc.constantFrom(0, 1, 2, 700_000), (steps, firstHeight) => {
        const times: number[] = firstHeight === 0 ? [] : [0];
        for (const step of steps) {
          const past = times.slice(-11).sort((one, other) => one - other);
          const floor = past[Math.floor(past.length / 2)] ?? 0;
          times.push(Math.max(floor + 1, (times.at(-1) ?? 0) + step));
        }
        // Where the chain begins at 1, block 0's time is not ours to know.
        const known = firstHeight === 0 ? times : times.slice(1);
        const medians = mediansOf(known, firstHeight).map((median) => median ?? Number.NEGATIVE_INFINITY);
        for (const [index, median] of medians.entries()) {
          expect(known.slice(index + 1).every((time) => time > median)).toBe(true);
          expect(median >= (medians[index - 1] ?? median)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
