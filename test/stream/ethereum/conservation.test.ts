import fc from "fast-check";
import { expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { Address } from "../../../stream/block.ts";
import { ethereumRule } from "../../../stream/ethereum/flows.ts";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import { address, finalBlock, type TransactionStory, transfer } from "../../support/ethereum-story.ts";
import { bookFrom } from "../../support/final-block.ts";

const BASE_FEE = 10n;
const people = ["a", "b", "c", "d", "1", "2", "0"].map(address);
const system = "0xfffffffffffffffffffffffffffffffffffffffe" as Address;
const holders = new Map([
  [address("a"), "alpha"],
  [address("b"), "alpha"],
  [address("c"), "beta"],
  [address("d"), "delta"],
]);
const labels = [...holders].map(([holder, exchange]) => `ethereum,${holder},${exchange},,,,test`);
const book = bookFrom(
  ["chain,address,exchange,wallet,role,valid_from,source", ...labels].join("\n"),
  "chain,asset,contract,decimals\nethereum,ETH,,18\n",
);
const rule = ethereumRule({ chainId: 1, keccak: keccak256 });

/** Nobody holds the zero address' key: it never sends. */
const person = fc.constantFrom(...people);
const sender = fc.constantFrom(...people.slice(0, -1));
const wei = fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, 10n ** 27n));
const move = fc.record({
  type: fc.constantFrom("CALL", "CREATE", "SELFDESTRUCT"),
  from: sender,
  to: person,
  value: wei,
});
const transaction = fc.record({
  type: fc.constantFrom(0, 1, 2, 4),
  from: sender,
  to: person,
  value: wei,
  feeCap: fc.bigInt(BASE_FEE, 1000n),
  tipCap: fc.bigInt(0n, 500n),
  gasUsed: fc.bigInt(21_000n, 30_000_000n),
  status: fc.constantFrom(0 as const, 1 as const),
  moves: fc.array(move, { maxLength: 4 }),
});
const block = fc.record({
  feeRecipient: person,
  transactions: fc.array(transaction, { maxLength: 6 }),
  withdrawals: fc.array(fc.record({ to: person, gwei: fc.bigInt(0n, 10n ** 11n) }), { maxLength: 3 }),
  ethLogs: fc.boolean(),
});
type Story = typeof block extends fc.Arbitrary<infer T> ? T : never;

test("Δbalance = inflow − outflow + issued − redeemed − fees, for every exchange and block", () => {
  fc.assert(
    fc.property(block, (story) => {
      const flows = rule(finalBlock(storyOf(story)), book);
      expect(changesByFlows(flows)).toEqual(changesByExecution(story));
    }),
    { numRuns: 2000 },
  );
});

/** Failed transactions have no moves and no logs; with EIP-7708, logs say what moved and nothing else does. */
function storyOf(story: Story) {
  const transactions = story.transactions.map((one): TransactionStory => {
    const happened = one.status === 1 ? one.moves : [];
    if (!story.ethLogs) return { ...one, moves: happened };
    const moved = one.status === 1 ? [one as { from: Address; to: Address; value: bigint }, ...happened] : [];
    const logs = moved
      .filter(({ from, to, value }) => value > 0n && from !== to)
      .map(({ from, to, value }) => transfer(system, from, to, value));
    return { ...one, moves: happened, logs };
  });
  const amsterdam = story.ethLogs ? { slotNumber: 1n } : {};
  return { ...story, ...amsterdam, baseFee: BASE_FEE, transactions, traced: true };
}

/** The law's right side. */
function changesByFlows({ legs, fees }: BlockFlows): ReadonlyMap<string, bigint> {
  const changes = new Map<string, bigint>();
  for (const { fromExchange, toExchange, amount } of legs) {
    if (fromExchange !== null) add(changes, fromExchange, -amount);
    if (toExchange !== null) add(changes, toExchange, amount);
  }
  for (const { exchange, amount } of fees) add(changes, exchange, -amount);
  return changed(changes);
}

/** What an execution does to balances, by the rules of the chain. */
function changesByExecution(story: Story): ReadonlyMap<string, bigint> {
  const balances = new Map<string, bigint>();
  const gain = (who: Address, amount: bigint) => {
    const exchange = holders.get(who);
    if (exchange !== undefined) add(balances, exchange, amount);
  };
  for (const { type, from, to, value, feeCap, tipCap, gasUsed, status, moves } of story.transactions) {
    const bid = BASE_FEE + tipCap;
    const price = type < 2 || bid > feeCap ? feeCap : bid;
    gain(from, -gasUsed * price);
    gain(story.feeRecipient, gasUsed * (price - BASE_FEE));
    for (const one of status === 1 ? [{ from, to, value }, ...moves] : []) {
      gain(one.from, -one.value);
      gain(one.to, one.value);
    }
  }
  for (const { to, gwei } of story.withdrawals) gain(to, gwei * 1_000_000_000n);
  return changed(balances);
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}

function changed(sums: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> {
  return new Map([...sums].filter(([, amount]) => amount !== 0n));
}
