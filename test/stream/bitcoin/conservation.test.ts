import fc from "fast-check";
import { expect, test } from "vitest";
import { addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import { addressOf } from "../../../stream/bitcoin/address.ts";
import { bitcoinRule } from "../../../stream/bitcoin/flows.ts";
import { pubkeyHashScript, scriptHashScript, witnessScript } from "../../../stream/bitcoin/script.ts";
import type { Leg } from "../../../stream/flow/leg.ts";
import { fromHex, HASHES } from "./hashes.ts";
import { type BlockStory, bookOf, finalStory, type OutputStory } from "./story.ts";

const hash = (who: number) => new Uint8Array(20).fill(who);
const owners: readonly (readonly [Uint8Array, string | undefined])[] = [
  [pubkeyHashScript(hash(1)), "alpha"],
  [scriptHashScript(hash(2)), "alpha"],
  [witnessScript({ version: 0, program: hash(3) }), "beta"],
  [witnessScript({ version: 1, program: new Uint8Array(32).fill(4) }), "gamma"],
  [witnessScript({ version: 16, program: Uint8Array.of(1, 2) }), "gamma"],
  [pubkeyHashScript(hash(5)), undefined],
  [witnessScript({ version: 1, program: Uint8Array.of(0x4e, 0x73) }), undefined],
  [fromHex(`5121${"02".repeat(33)}51ae`), undefined],
];
const holderOf = new Map(owners);
const book = bookOf(
  Object.fromEntries(
    owners.flatMap(([script, exchange]) =>
      exchange === undefined ? [] : [[addressOf(script, "regtest", HASHES.sha256) ?? "", exchange]],
    ),
  ),
);
const rule = bitcoinRule({ network: "regtest", hashes: HASHES });

const satoshi = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200_000_000_000_000 }));
const output = fc.record({ value: satoshi, script: fc.constantFrom(...owners.map(([script]) => script)) });
const outputs = fc.array(output, { minLength: 1, maxLength: 5 });
const story = fc.record({
  coinbase: outputs,
  transactions: fc.array(
    fc
      .record({ spends: outputs, outputs, witness: fc.boolean() })
      .map((tx) => ({ ...tx, outputs: affordable(tx.outputs, worthOf(tx.spends)) })),
    { maxLength: 6 },
  ),
});

/** Outputs cut down to what there is. */
function affordable(wanted: readonly OutputStory[], funds: number): readonly OutputStory[] {
  let left = funds;
  return wanted.map(({ value, script }) => {
    const paid = Math.min(value, left);
    left -= paid;
    return { value: paid, script };
  });
}

function worthOf(held: readonly OutputStory[]): number {
  return held.reduce((sum, one) => sum + one.value, 0);
}

/** What the exchange, or everybody without a label, holds of these outputs. */
function heldBy(exchange: string | undefined, held: readonly OutputStory[]): bigint {
  return BigInt(worthOf(held.filter(({ script }) => holderOf.get(script) === exchange)));
}

/** The block's flows, and the rows of its hour by exchange. */
function flowsOf(block: BlockStory) {
  const flows = rule(finalStory(block), book);
  const { changed } = addBlock(beginAggregation({ firstHeight: 1, firstTime: 0 }, 7200), flows, 0);
  return { flows, rows: new Map(changed.map((row) => [row.exchange, row])) };
}

test("Δbalance = inflow − outflow + issued − fees, for every exchange and block", () => {
  fc.assert(
    fc.property(story, (block) => {
      const { rows } = flowsOf(block);
      for (const exchange of ["alpha", "beta", "gamma"]) {
        const gained = [block.coinbase, ...block.transactions.map((tx) => tx.outputs)];
        const before = block.transactions.reduce((sum, tx) => sum + heldBy(exchange, tx.spends), 0n);
        const after = gained.reduce((sum, held) => sum + heldBy(exchange, held), 0n);
        const row = rows.get(exchange);
        const change = row === undefined ? 0n : row.inflow - row.outflow + row.issued - row.fees;
        expect(change).toBe(after - before);
        expect(row?.issued ?? 0n).toBe(heldBy(exchange, block.coinbase));
        expect(row?.intra ?? 0n).toBe(0n);
      }
    }),
    { numRuns: 3000 },
  );
});

test("Σ inflow = Σ outflow over all entities, the unlabelled too", () => {
  fc.assert(
    fc.property(story, (block) => {
      const { flows, rows } = flowsOf(block);
      const touched = block.transactions.filter((tx) =>
        [...tx.spends, ...tx.outputs].some(({ script }) => holderOf.get(script) !== undefined),
      );
      const paid = BigInt(touched.reduce((sum, tx) => sum + worthOf(tx.spends) - worthOf(tx.outputs), 0));
      const paidByExchanges = flows.fees.reduce((sum, fee) => sum + fee.amount, 0n);
      const unlabelled = touched.reduce(
        (sum, tx) => sum + heldBy(undefined, tx.outputs) - heldBy(undefined, tx.spends),
        paid - paidByExchanges,
      );
      const exchanges = [...rows.values()].reduce((sum, row) => sum + row.inflow - row.outflow, 0n);
      expect(exchanges + unlabelled).toBe(0n);
    }),
    { numRuns: 3000 },
  );
});

test("the legs sum to the aggregates: one a transaction and pair of entities", () => {
  fc.assert(
    fc.property(story, (block) => {
      const { flows, rows } = flowsOf(block);
      const pairs = flows.legs.map(({ txHash, kind, fromExchange, toExchange }) =>
        [txHash, kind, fromExchange, toExchange].join(),
      );
      expect(new Set(pairs).size).toBe(pairs.length);
      expect(flows.legs.map(({ leg }) => leg)).toEqual(pairs.map((_, index) => index));
      for (const [exchange, row] of rows) {
        const into = flows.legs.filter((leg) => leg.toExchange === exchange && leg.kind === "utxo");
        const out = flows.legs.filter((leg) => leg.fromExchange === exchange);
        const isInter = ({ flowType }: Leg) => flowType === "inter";
        expect(row).toMatchObject({
          inflow: sumOf(into),
          outflow: sumOf(out),
          inflowInter: sumOf(into.filter(isInter)),
          outflowInter: sumOf(out.filter(isInter)),
          inflowTransfers: into.length,
          outflowTransfers: out.length,
          inflowTxs: new Set(into.map(({ txHash }) => txHash)).size,
          outflowTxs: new Set(out.map(({ txHash }) => txHash)).size,
        });
      }
      expect(flows.legs.every(({ amount }) => amount > 0n)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

function sumOf(legs: readonly Leg[]): bigint {
  return legs.reduce((sum, leg) => sum + leg.amount, 0n);
}
