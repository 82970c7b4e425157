import { describe, expect, it } from "vitest";
import { cutAt } from "../../../warehouse/postgres/until.ts";
import { asRead, block, recordsOf, START } from "./story.ts";

const blocks = [100, 101, 102].map((height) =>
  block(height, START + 12 * (height - 100), [{ flowType: "inflow", amount: 1n, to: "binance" }]),
);
const records = recordsOf(blocks);

describe("cutAt", () => {
  it.each([
    [99, 0],
    [100, 1],
    [101, 2],
    [102, 3],
    [500, 3],
  ])("until %i keeps %i blocks of final and of flows", (until, count) => {
    for (const kind of ["final", "flows"] as const) {
      const all = asRead(records[kind]);
      expect(cutAt(kind, all, until)).toEqual(all.slice(0, count));
    }
  });

  it("keeps exchange flows up to the mark of the height", () => {
    const all = asRead(records.exchangeFlows);
    expect(all.map((record) => record.key === "watermark")).toEqual([false, true, false, true, false, true]);
    expect(cutAt("exchangeFlows", all, 101)).toEqual(all.slice(0, 4));
    expect(cutAt("exchangeFlows", all, 102)).toEqual(all);
    expect(cutAt("exchangeFlows", all, 103)).toEqual(all);
  });

  it("keeps them up to the first mark above where compaction took the mark itself", () => {
    const all = asRead(records.exchangeFlows).filter((_, index) => index !== 3);
    expect(cutAt("exchangeFlows", all, 101)).toEqual(all);
  });

  it("keeps none of them below the chain's first block", () => {
    expect(cutAt("exchangeFlows", asRead(records.exchangeFlows), 99)).toEqual([]);
  });

  it("keeps no records of none, and all reorgs", () => {
    expect(cutAt("final", [], 100)).toEqual([]);
    const all = asRead(records.final);
    expect(cutAt("reorgs", all, 0)).toEqual(all);
  });
});
