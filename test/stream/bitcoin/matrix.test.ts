import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { balancesOf, type Stake, transfersOf, UNLABELLED } from "../../../stream/bitcoin/matrix.ts";

const stake = (entity: string, spent: bigint, received: bigint): Stake => ({ entity, spent, received });
const U = UNLABELLED;

/** Net gains and transfers of a transaction. */
function settled(...stakes: readonly Stake[]) {
  const balances = balancesOf(stakes);
  return {
    net: Object.fromEntries(balances.map(({ entity, net }) => [entity, net])),
    fees: Object.fromEntries(balances.map(({ entity, fee }) => [entity, fee])),
    transfers: transfersOf(balances).map(({ from, to, amount }) => [from, to, amount]),
  };
}

describe("the check vectors of the design", () => {
  test("90 from B to A is inflow 90 of A, all of it inter", () => {
    expect(settled(stake("B", 90n, 0n), stake("A", 0n, 90n))).toEqual({
      net: { A: 90n, B: -90n },
      fees: { A: 0n, B: 0n },
      transfers: [["B", "A", 90n]],
    });
  });

  test("A spends 10, 5 to B, 5 to U: outflow of A 10, inflow of B 5, inter 5", () => {
    expect(settled(stake("A", 10n, 0n), stake("B", 0n, 5n), stake(U, 0n, 5n))).toEqual({
      net: { [U]: 5n, A: -10n, B: 5n },
      fees: { [U]: 0n, A: 0n, B: 0n },
      transfers: [
        ["A", "B", 5n],
        ["A", U, 5n],
      ],
    });
  });

  test("90 in and 50 out of A in one transaction: inflow 40", () => {
    expect(settled(stake("A", 50n, 90n), stake(U, 90n, 50n))).toEqual({
      net: { [U]: -40n, A: 40n },
      fees: { [U]: 0n, A: 0n },
      transfers: [[U, "A", 40n]],
    });
  });
});

describe("fees and rounding", () => {
  test("each pays by what it spent, the largest spender the remainder; receiving costs nothing", () => {
    const { fees, net } = settled(stake("a", 30n, 0n), stake("b", 70n, 0n), stake(U, 1n, 90n));
    // A fee of 11: 330/101, 770/101 and 11/101.
    expect(fees).toEqual({ a: 3n, b: 8n, [U]: 0n });
    expect(net).toEqual({ a: -27n, b: -62n, [U]: 89n });
  });

  test("of equal spenders the smallest name pays the remainder, and U is the smallest", () => {
    expect(settled(stake("b", 10n, 0n), stake("a", 10n, 19n)).fees).toEqual({ a: 1n, b: 0n });
    expect(settled(stake("a", 10n, 0n), stake(U, 10n, 19n)).fees).toEqual({ a: 0n, [U]: 1n });
    expect(settled(stake("a-b", 10n, 0n), stake("a.b", 10n, 19n)).fees).toEqual({ "a-b": 1n, "a.b": 0n });
  });

  test("a fee alone moves nothing", () => {
    expect(settled(stake("a", 10n, 7n))).toEqual({ net: { a: 0n }, fees: { a: 3n }, transfers: [] });
    expect(settled(stake("a", 0n, 0n), stake(U, 0n, 0n)).transfers).toEqual([]);
  });

  test("what rounding leaves of a gain or a loss comes from or goes to U", () => {
    const { transfers } = settled(
      stake("a", 1n, 0n),
      stake("b", 1n, 0n),
      stake("c", 1n, 0n),
      stake("d", 0n, 2n),
      stake("e", 0n, 1n),
    );
    // Each gives 1 of 3: floor(2 · 1/3) and floor(1 · 1/3) are zero, so all of it is rounding.
    expect(transfers).toEqual([
      ["a", U, 1n],
      ["b", U, 1n],
      ["c", U, 1n],
      [U, "d", 2n],
      [U, "e", 1n],
    ]);
  });
});

const names = fc.uniqueArray(fc.constantFrom(U, "a", "b", "c", "bit-one", "bit.two"), { minLength: 1 });
const value = fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, 2_100_000_000_000_000n));
/** Stakes of a transaction that pays out no more than it spends. */
const transactions = names.chain((entities) =>
  fc
    .record({
      spent: fc.tuple(...entities.map(() => value)),
      weights: fc.tuple(...entities.map(() => fc.nat(5))),
      kept: fc.integer({ min: 0, max: 1000 }),
    })
    .map(({ spent, weights, kept }) => {
      const paid = (spent.reduce((sum, one) => sum + one, 0n) * BigInt(kept)) / 1000n;
      const weight = BigInt(weights.reduce((sum, one) => sum + one, 0));
      return entities.map((entity, index) =>
        stake(entity, spent[index]!, weight === 0n ? 0n : (paid * BigInt(weights[index]!)) / weight),
      );
    }),
);

describe("the law of the matrix", () => {
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

  test("gains and losses balance; each is spent, received and paid, and is the sum of its transfers", () => {
    fc.assert(
      fc.property(transactions, (stakes) => {
        const balances = balancesOf(stakes);
        const transfers = transfersOf(balances);
        const fee = sum(stakes.map(({ spent, received }) => spent - received));
        expect(sum(balances.map((balance) => balance.fee))).toBe(fee);
        expect(sum(balances.map(({ net }) => net))).toBe(0n);
        for (const { entity, fee: paid, net } of balances) {
          const { spent, received } = stakes.find((one) => one.entity === entity)!;
          expect(received - spent).toBe(net - paid);
          const into = sum(transfers.flatMap(({ to, amount }) => (to === entity ? amount : [])));
          const out = sum(transfers.flatMap(({ from, amount }) => (from === entity ? amount : [])));
          if (entity !== U) expect([into, out]).toEqual(net > 0n ? [net, 0n] : [0n, -net]);
          expect(paid >= 0n && (spent > 0n || paid === 0n)).toBe(true);
        }
        const pairs = transfers.map(({ from, to }) => `${from}>${to}`);
        expect(new Set(pairs).size).toBe(pairs.length);
        expect(transfers.every(({ from, to, amount }) => from !== to && amount > 0n)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test("a share is never off by a whole satoshi, but for the largest spender's and for U's", () => {
    fc.assert(
      fc.property(transactions, (stakes) => {
        const balances = balancesOf(stakes);
        const spent = sum(stakes.map((one) => one.spent));
        const fee = sum(balances.map((one) => one.fee));
        const most = stakes.reduce((max, one) => (one.spent > max ? one.spent : max), 0n);
        const [largest] = stakes
          .filter((one) => one.spent === most)
          .map((one) => one.entity)
          .sort();
        for (const balance of balances.filter(({ entity }) => entity !== largest)) {
          const own = stakes.find((one) => one.entity === balance.entity)!;
          const short = fee * own.spent - balance.fee * spent;
          expect(short >= 0n && (short < spent || spent === 0n)).toBe(true);
        }
        const given = sum(balances.map(({ net }) => (net < 0n ? -net : 0n)));
        const netOf = (entity: string) => balances.find((one) => one.entity === entity)!.net;
        for (const { from, to, amount } of transfersOf(balances)) {
          if (from === U || to === U) continue;
          const short = netOf(to) * -netOf(from) - amount * given;
          expect(short >= 0n && short < given).toBe(true);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("the order in which entities come does not matter", () => {
    fc.assert(
      fc.property(transactions, (stakes) => {
        expect(balancesOf(stakes.toReversed())).toEqual(balancesOf(stakes));
      }),
      { numRuns: 500 },
    );
  });
});
