import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Aggregation, addBlock, beginAggregation, holdOffset } from "../../stream/aggregation.ts";
import { hourlyKey } from "../../stream/flow/json.ts";
import type { BlockFlows } from "../../stream/flow/leg.ts";
import { medianBlock, medianChains } from "./median-chains.ts";

const HOUR = 3600;
const LAG = 7200;
const START = 1_700_006_400;

function begin(first: BlockFlows): Aggregation {
  return beginAggregation({ firstHeight: first.height, firstTime: first.time }, LAG, "medianTimePast");
}

/** What each block results in; `offset` is the place of the first one. */
function run(state: Aggregation, blocks: readonly BlockFlows[], offset = 0) {
  let last = state;
  const outcomes = blocks.map((flows, index) => {
    const { state: next, changed, mark } = addBlock(last, flows, offset + index);
    last = next;
    return { changed, mark };
  });
  return { state: last, outcomes };
}

const every = (minutes: number, count: number, firstHeight: number) =>
  Array.from({ length: count }, (_, index) => medianBlock(firstHeight + index, START + index * minutes * 60));

describe("where blocks state no watermark", () => {
  test("it is the median time past, none before eleven blocks", () => {
    const { outcomes } = run(begin(medianBlock(500, START)), every(10, 13, 500));
    expect(outcomes.map(({ mark }) => mark.watermark)).toEqual([
      ...Array.from({ length: 10 }, () => null),
      START + 5 * 600,
      START + 6 * 600,
      START + 7 * 600,
    ]);
  });

  test("an hour is complete when the median reaches its end, though later blocks have begun others", () => {
    const { outcomes } = run(begin(medianBlock(0, START)), every(10, 14, 0));
    const complete = outcomes.map(({ changed }) => changed.filter((row) => row.complete));
    // The median of heights 1 to 11 is the time of 6, where the hour ends.
    expect(complete.map((rows) => rows.length)).toEqual([...Array.from({ length: 11 }, () => 0), 1, 0, 0]);
    expect(complete[11]).toMatchObject([{ hour: START, inflow: 6n, firstHeight: 0, lastHeight: 5 }]);
  });

  test("holds the last eleven blocks, silent ones too, since the next median rests on ten of them", () => {
    const silent = every(10, 20, 500).map(({ height, time }) => medianBlock(height, time, 0n));
    const { state } = run(begin(silent[0]!), silent);
    expect(holdOffset(state, 20)).toBe(9);
    expect(holdOffset(run(begin(silent[0]!), silent.slice(0, 4)).state, 4)).toBe(0);
  });
});

const chains = medianChains(START, { firstHeights: [0, 1, 2, 500], longest: 50 });

describe("the law of hours, by the median", () => {
  test("a complete hour never changes, and no block falls below a watermark", () => {
    fc.assert(
      fc.property(chains, (blocks) => {
        const complete = new Set<string>();
        let watermark = Number.NEGATIVE_INFINITY;
        for (const { changed, mark } of run(begin(blocks[0]!), blocks).outcomes) {
          expect(mark.time).toBeGreaterThan(watermark);
          for (const row of changed) {
            expect(complete.has(hourlyKey(row))).toBe(false);
            if (row.complete) {
              complete.add(hourlyKey(row));
              const inHour = blocks.filter(({ time }) => time >= row.hour && time < row.hour + HOUR);
              expect(row.inflow).toBe(inHour.reduce((sum, { legs }) => sum + (legs[0]?.amount ?? 0n), 0n));
            }
          }
          watermark = mark.watermark ?? watermark;
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("replay from any held offset ends in the same state, and goes on as if nothing had stopped", () => {
    fc.assert(
      fc.property(chains, fc.nat(50), fc.nat(50), (blocks, cut, before) => {
        const at = Math.min(cut, blocks.length);
        const first = begin(blocks[0]!);
        const whole = run(first, blocks);
        const { state } = run(first, blocks.slice(0, at));
        // The committed offset may be that of an earlier stop.
        const hold = holdOffset(
          run(first, blocks.slice(0, Math.min(before, at))).state,
          Math.min(before, at),
        );
        const replayed = run(first, blocks.slice(hold, at), hold);
        expect(replayed.state).toEqual(state);
        expect(run(replayed.state, blocks.slice(at), at).outcomes).toEqual(whole.outcomes.slice(at));
      }),
      { numRuns: 3000 },
    );
  });
});
