import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Aggregation, addBlock, beginAggregation, holdOffset } from "../../stream/aggregation.ts";
import type { BlockHash, TxHash } from "../../stream/block.ts";
import { hourlyKey } from "../../stream/flow/json.ts";
import type { BlockFlows, FlowType, HourlyFlow, Leg } from "../../stream/flow/leg.ts";

const HOUR = 3600;
const DAY_START = 1_700_006_400;
const names = ["alpha", "beta", "gamma"] as const;

function leg(
  flowType: FlowType,
  parties: readonly [string | null, string | null],
  amount: bigint,
  tx = "t1",
): Leg {
  const [fromExchange, toExchange] = parties;
  const side = {
    leg: 0,
    asset: "ETH",
    kind: "native",
    evidence: "block",
    fromAddress: null,
    toAddress: null,
  } as const;
  return { ...side, flowType, fromExchange, toExchange, amount, txHash: tx as TxHash };
}

function flows(
  height: number,
  time: number,
  legs: readonly Leg[],
  watermark: number | null = time,
): BlockFlows {
  const hash = `h${height}` as BlockHash;
  return { height, hash, time, watermark, labelVersion: "v", legs, fees: [] };
}

function run(blocks: readonly BlockFlows[], first = { firstHeight: 100, firstTime: DAY_START }, lagS = 0) {
  let state: Aggregation = beginAggregation(first, lagS);
  const table = new Map<string, HourlyFlow>();
  for (const [offset, block] of blocks.entries()) {
    const outcome = addBlock(state, block, offset);
    state = outcome.state;
    for (const row of outcome.changed) table.set(hourlyKey(row), row);
  }
  return { state, table, rows: [...table.values()] };
}

describe("what a leg adds", () => {
  const only = (legs: readonly Leg[]) => run([flows(100, DAY_START, legs)]).rows;

  test("inter is an outflow of one and an inflow of the other", () => {
    expect(only([leg("inter", ["alpha", "beta"], 7n)])).toMatchObject([
      { exchange: "alpha", outflow: 7n, outflowInter: 7n, outflowTransfers: 1, outflowTxs: 1, inflow: 0n },
      { exchange: "beta", inflow: 7n, inflowInter: 7n, inflowTransfers: 1, inflowTxs: 1, outflow: 0n },
    ]);
  });

  test("intra, issued and redeemed are no transfers", () => {
    const legs = [
      leg("intra", ["alpha", "alpha"], 1n),
      leg("issued", [null, "alpha"], 2n),
      leg("redeemed", ["alpha", null], 3n),
    ];
    expect(only(legs)).toEqual([
      {
        exchange: "alpha",
        asset: "ETH",
        hour: DAY_START,
        inflow: 0n,
        outflow: 0n,
        inflowInter: 0n,
        outflowInter: 0n,
        intra: 1n,
        inflowTxs: 0,
        outflowTxs: 0,
        inflowTransfers: 0,
        outflowTransfers: 0,
        issued: 2n,
        redeemed: 3n,
        fees: 0n,
        complete: false,
        firstHeight: 100,
        lastHeight: 100,
      },
    ]);
  });

  test("a transaction with two legs into one exchange is one transaction and two transfers", () => {
    const legs = [
      leg("inflow", [null, "alpha"], 1n),
      leg("inflow", [null, "alpha"], 2n),
      leg("inflow", [null, "alpha"], 4n, "t2"),
    ];
    expect(only(legs)).toMatchObject([{ inflow: 7n, inflowTransfers: 3, inflowTxs: 2 }]);
  });

  test("a fee alone makes a row, a fee of zero none", () => {
    const fees = [
      { exchange: "alpha", asset: "ETH", amount: 9n },
      { exchange: "beta", asset: "ETH", amount: 0n },
    ];
    expect(run([{ ...flows(100, DAY_START, []), fees }]).rows).toMatchObject([
      { exchange: "alpha", fees: 9n },
    ]);
  });
});

describe("completeness", () => {
  const inflow = [leg("inflow", [null, "alpha"], 1n)];
  const completeHours = (rows: readonly HourlyFlow[]) =>
    rows.filter((row) => row.complete).map((row) => row.hour - DAY_START);

  test("an hour is complete when its end is reached by the watermark, not before", () => {
    const early = [flows(100, DAY_START, inflow), flows(101, DAY_START + HOUR - 1, inflow)];
    expect(completeHours(run(early).rows)).toEqual([]);
    expect(completeHours(run([...early, flows(102, DAY_START + HOUR, [])]).rows)).toEqual([0]);
  });

  test("the hour in which the chain began is never complete, unless the chain is known from its beginning", () => {
    const blocks = [
      flows(100, DAY_START + 1, inflow),
      flows(101, DAY_START + HOUR, inflow),
      flows(102, DAY_START + 2 * HOUR, []),
    ];
    expect(completeHours(run(blocks, { firstHeight: 100, firstTime: DAY_START + 1 }).rows)).toEqual([HOUR]);
    expect(completeHours(run(blocks, { firstHeight: 1, firstTime: DAY_START + 1 }).rows)).toEqual([0, HOUR]);
  });

  test("where earlier blocks may carry later times, coverage begins that much later", () => {
    const blocks = [0, 1, 2, 3].map((hour) => flows(100 + hour, DAY_START + hour * HOUR, inflow));
    expect(completeHours(run(blocks, { firstHeight: 100, firstTime: DAY_START }, 7200).rows)).toEqual([
      2 * HOUR,
    ]);
  });

  test("with no watermark yet, nothing is complete and everything is held", () => {
    const { state, rows } = run(
      [0, 1, 2].map((hour) => flows(100 + hour, DAY_START + hour * HOUR, inflow, null)),
    );
    expect([completeHours(rows), holdOffset(state, 3)]).toEqual([[], 0]);
  });
});

/** Blocks whose times go forth and back within the rule that none falls below the watermark. */
const chains = fc
  .array(
    fc.record({
      step: fc.integer({ min: -2500, max: 4000 }),
      legs: fc.array(
        fc.record({
          type: fc.constantFrom<FlowType>("inflow", "outflow", "inter", "intra", "issued", "redeemed"),
          who: fc.constantFrom(...names),
          amount: fc.bigInt({ min: 1n, max: 1n << 200n }),
          tx: fc.constantFrom("t1", "t2"),
        }),
        { maxLength: 4 },
      ),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((steps) => {
    let top = DAY_START;
    return steps.map(({ step, legs }, index) => {
      const watermark = top - 2500;
      const time = Math.max(watermark, top + step);
      top = Math.max(top, time);
      const made = legs.map(({ type, who, amount, tx }) => {
        const other = type === "inter" ? names[(names.indexOf(who) + 1) % names.length]! : null;
        const from = type === "intra" ? who : ["outflow", "redeemed"].includes(type) ? who : other;
        const to = ["outflow", "redeemed"].includes(type) ? null : who;
        return leg(type, [from, to], amount, tx);
      });
      return flows(100 + index, time, made, watermark);
    });
  });

describe("the law of hours", () => {
  test("a complete hour never changes, and each figure is the sum over the blocks of its hour", () => {
    fc.assert(
      fc.property(chains, (blocks) => {
        let state = beginAggregation({ firstHeight: 1, firstTime: 0 }, 0);
        const complete = new Set<string>();
        const table = new Map<string, HourlyFlow>();
        for (const [offset, block] of blocks.entries()) {
          const outcome = addBlock(state, block, offset);
          state = outcome.state;
          for (const row of outcome.changed) {
            expect(complete.has(hourlyKey(row))).toBe(false);
            if (row.complete) complete.add(hourlyKey(row));
            table.set(hourlyKey(row), row);
          }
        }
        const legs = blocks.flatMap((block) =>
          block.legs.map((one) => ({ ...one, hour: block.time - (block.time % HOUR) })),
        );
        for (const row of table.values()) {
          const mine = legs.filter((one) => one.hour === row.hour);
          const sum = (pick: (one: Leg) => boolean) =>
            mine.filter(pick).reduce((total, one) => total + one.amount, 0n);
          const entering = (one: Leg) =>
            one.toExchange === row.exchange && ["inflow", "inter"].includes(one.flowType);
          const leaving = (one: Leg) =>
            one.fromExchange === row.exchange && ["outflow", "inter"].includes(one.flowType);
          expect([row.inflow, row.outflow]).toEqual([sum(entering), sum(leaving)]);
          expect(row.inflowTransfers + row.outflowTransfers).toBe(
            mine.filter(entering).length + mine.filter(leaving).length,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("replay from the held offset ends in the same open hours and emits the same from there on", () => {
    fc.assert(
      fc.property(chains, fc.nat(30), (blocks, cut) => {
        const first = { firstHeight: 100, firstTime: DAY_START };
        const at = Math.min(cut, blocks.length);
        const { state } = run(blocks.slice(0, at), first);
        const hold = holdOffset(state, at);
        let replayed = beginAggregation(first, 0);
        for (let offset = hold; offset < at; offset += 1)
          replayed = addBlock(replayed, blocks[offset]!, offset).state;
        expect(replayed.hours).toEqual(state.hours);
      }),
      { numRuns: 2000 },
    );
  });
});
