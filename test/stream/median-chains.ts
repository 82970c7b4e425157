import fc from "fast-check";
import type { BlockHash, TxHash } from "../../stream/block.ts";
import type { BlockFlows } from "../../stream/flow/leg.ts";

/** A block that states no watermark; where `amount` is not zero, it flows into alpha. */
export function medianBlock(height: number, time: number, amount = 1n): BlockFlows {
  const leg = {
    leg: 0,
    txHash: `t${height}` as TxHash,
    asset: "BTC",
    kind: "utxo",
    flowType: "inflow",
    fromExchange: null,
    toExchange: "alpha",
    fromAddress: null,
    toAddress: null,
    amount,
    evidence: "prevout",
  } as const;
  const legs = amount === 0n ? [] : [leg];
  return {
    height,
    hash: `h${height}` as BlockHash,
    time,
    watermark: null,
    labelVersion: "v",
    legs,
    fees: [],
  };
}

/** Blocks that go forth and back in time, each above the median of the eleven before it; `start` is in Unix seconds. */
export function medianChains(
  start: number,
  options: { readonly firstHeights: readonly number[]; readonly longest: number },
): fc.Arbitrary<readonly BlockFlows[]> {
  return fc
    .record({
      firstHeight: fc.constantFrom(...options.firstHeights),
      steps: fc.array(fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.bigInt(0n, 2n)), {
        minLength: 1,
        maxLength: options.longest,
      }),
    })
    .map(({ firstHeight, steps }) => {
      // Block 0 is older than all others, whether we have it or not.
      const times = firstHeight === 0 ? [] : [start - 1];
      return steps.map(([step, amount], index) => {
        const past = times.slice(-11).sort((one, other) => one - other);
        const floor = past[Math.floor(past.length / 2)] ?? start;
        times.push(Math.max(floor + 1, (times.at(-1) ?? start) + step));
        return medianBlock(firstHeight + index, times.at(-1) ?? start, amount);
      });
    });
}
