import { describe, expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { Address } from "../../../stream/block.ts";
import { ethereumRule } from "../../../stream/ethereum/flows.ts";
import type { FinalBlock } from "../../../stream/flow/rule.ts";
import {
  address,
  type BlockStory,
  finalBlock,
  type TransactionStory,
  transfer,
  wordOf,
} from "../../support/ethereum-story.ts";
import { ALL_PROOFS, bookFrom } from "../../support/final-block.ts";

const [alpha, alpha2, beta, user, user2] = ["a", "c", "b", "1", "2"].map(address) as [
  Address,
  Address,
  Address,
  Address,
  Address,
];
const zero = address("0");
const usdt = address("5");
const nft = address("6");
const system = "0xfffffffffffffffffffffffffffffffffffffffe" as Address;

const book = bookFrom(
  `chain,address,exchange,wallet,role,valid_from,source
ethereum,${alpha},alpha,,,,test
ethereum,${alpha2},alpha,,,,test
ethereum,${beta},beta,,,,test
ethereum,${address("d")},delta,,,2023-11-15,test
`,
  `chain,asset,contract,decimals
ethereum,ETH,,18
ethereum,USDT,${usdt},6
`,
);
const rule = ethereumRule({ chainId: 1, keccak: keccak256 });
const flowsOf = (story: BlockStory, change: Partial<FinalBlock> = {}) =>
  rule(finalBlock(story, change), book);
const legsOf = (...transactions: readonly TransactionStory[]) => flowsOf({ transactions, traced: true }).legs;
const without = (...names: readonly string[]) => ({
  proofs: new Set(ALL_PROOFS.filter((name) => !names.includes(name))),
});
/** `alpha → 2222… 5 ETH native outflow`: a leg in a line. */
const lines = (story: BlockStory, change: Partial<FinalBlock> = {}) =>
  flowsOf(story, change).legs.map(({ kind, flowType, fromExchange, toExchange, asset, amount, evidence }) =>
    [kind, flowType, fromExchange ?? "-", toExchange ?? "-", amount, asset, evidence].join(" "),
  );

describe("flow types", () => {
  test.each([
    ["inflow", user, alpha],
    ["outflow", alpha, user],
    ["inter", alpha, beta],
    ["intra", alpha, alpha2],
    ["redeemed", alpha, zero],
  ])("%s", (flowType, from, to) => {
    expect(legsOf({ from, to, value: 5n })).toMatchObject([
      { flowType, amount: 5n, fromAddress: from, toAddress: to },
    ]);
    expect(legsOf({ logs: [transfer(usdt, from, to, 7n)] })).toMatchObject([
      { flowType, amount: 7n, asset: "USDT" },
    ]);
    const move = { type: "CALL", from, to, value: 9n };
    expect(legsOf({ moves: [move] })).toMatchObject([
      { flowType, amount: 9n, kind: "internal", evidence: "trace" },
    ]);
  });

  test("a mint is issued to the labelled side, from nobody", () => {
    expect(legsOf({ logs: [transfer(usdt, zero, beta, 7n)] })).toMatchObject([
      { flowType: "issued", fromExchange: null, toExchange: "beta", fromAddress: zero, toAddress: beta },
    ]);
  });

  test("no leg without a labelled side, without an amount, or to oneself", () => {
    expect(legsOf({ from: user, to: user2, value: 5n })).toEqual([]);
    expect(legsOf({ from: alpha, to: user, value: 0n })).toEqual([]);
    expect(legsOf({ from: alpha, to: alpha, value: 5n })).toEqual([]);
    expect(legsOf({ logs: [transfer(usdt, alpha, alpha, 1n), transfer(usdt, user, alpha, 0n)] })).toEqual([]);
    expect(legsOf({ moves: [{ type: "CALL", from: user, to: alpha, value: 0n }] })).toEqual([]);
  });

  test("a label holds from 00:00 UTC of its date", () => {
    const paid = { transactions: [{ from: user, to: address("d"), value: 5n }] };
    expect(lines({ ...paid, time: Date.UTC(2023, 10, 15) / 1000 - 1 })).toEqual([]);
    expect(lines({ ...paid, time: Date.UTC(2023, 10, 15) / 1000 })).toEqual([
      "native inflow - delta 5 ETH block",
    ]);
  });
});

describe("native", () => {
  test("a failed transaction moves nothing", () => {
    const moves = [{ type: "CALL", from: alpha, to: user, value: 9n }];
    expect(legsOf({ from: alpha, to: user, value: 5n, status: 0, moves })).toEqual([]);
  });

  test("a created contract is the recipient", () => {
    // The first contract of 0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0 (go-ethereum, crypto_test.go).
    const creator = "0x970e8128ab834e8eac17ab8e3812f010678cf791" as Address;
    const labelled = { ...book, exchangeAt: (one: Address) => (one === creator ? "alpha" : null) };
    const created = (nonce: bigint) =>
      rule(finalBlock({ transactions: [{ from: creator, to: null, nonce, value: 1n }] }), labelled).legs[0]
        ?.toAddress;
    expect(created(0n)).toBe("0x333c3310824b7c685133f2bedb2ca4b8b4df633d");
    expect(created(1n)).toBe("0x8bda78331c916a08481428e4b07c96d3e916d165");
    expect(created(2n)).toBe("0xc9ddedf451bc62ce88bf9292afb13df35b670699");
  });

  test("before Byzantium the root trace decides, else it counts unproven", () => {
    const paid: TransactionStory = { type: 0, from: alpha, to: user, value: 5n, status: "root" };
    const story = (rootFailed: boolean, traced: boolean) => ({
      traced,
      transactions: [{ ...paid, rootFailed }],
    });
    expect(lines(story(false, true))).toEqual(["native outflow alpha - 5 ETH trace"]);
    expect(lines(story(true, true))).toEqual([]);
    expect(lines(story(false, false))).toEqual(["native outflow alpha - 5 ETH unproven"]);
  });
});

describe("token", () => {
  test("one topic and three words of data is a transfer too", () => {
    const [topic] = transfer(usdt, user, alpha, 1n).topics as [string];
    const log = { emitter: usdt, topics: [topic], data: `0x${wordOf(user)}${wordOf(alpha)}${wordOf(8n)}` };
    expect(legsOf({ logs: [log] })).toMatchObject([
      { kind: "token", flowType: "inflow", amount: 8n, toAddress: alpha },
    ]);
  });

  test("anything else is no value", () => {
    const log = transfer(usdt, user, alpha, 1n);
    const [topic = "", from = "", to = ""] = log.topics;
    const legs = legsOf({
      logs: [
        { ...log, topics: [topic, from, to, `0x${wordOf(1n)}`] },
        { ...log, topics: [topic, from, to, `0x${wordOf(1n)}`], data: "0x" },
        { ...log, topics: [topic, from] },
        { ...log, topics: [from, from, to] },
        { ...log, topics: [] },
        { ...log, data: "0x" },
        { ...log, data: `${log.data}00` },
        { ...log, emitter: nft },
      ],
    });
    expect(legs).toEqual([]);
  });

  test("an amount of 256 bits is exact", () => {
    const most = 2n ** 256n - 1n;
    expect(legsOf({ logs: [transfer(usdt, user, alpha, most)] })[0]?.amount).toBe(most);
  });
});

test("legs stand by transaction: native, internal, logs by index; then withdrawals, then the reward", () => {
  const busy: TransactionStory = {
    from: alpha,
    to: user,
    value: 1n,
    gasUsed: 10n,
    moves: [
      { type: "CREATE", from: user, to: beta, value: 2n },
      { type: "SELFDESTRUCT", from: beta, to: user, value: 3n },
    ],
    logs: [transfer(usdt, alpha, user, 4n), transfer(usdt, user, beta, 5n)],
  };
  const story = {
    feeRecipient: beta,
    transactions: [busy, { ...busy, moves: [], logs: [] }],
    withdrawals: [
      { to: alpha, gwei: 7n },
      { to: user, gwei: 7n },
    ],
    traced: true,
  };
  expect(lines(story)).toEqual([
    "native outflow alpha - 1 ETH block",
    "internal inflow - beta 2 ETH trace",
    "internal outflow beta - 3 ETH trace",
    "token outflow alpha - 4 USDT block",
    "token inflow - beta 5 USDT block",
    "native outflow alpha - 1 ETH block",
    "withdrawal issued - alpha 7000000000 ETH block",
    "reward issued - beta 40 ETH block",
  ]);
  const { legs } = flowsOf(story);
  expect(legs.map((leg) => leg.leg)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(legs.slice(6)).toMatchObject(
    Array.from({ length: 2 }, () => ({ txHash: null, fromAddress: null, fromExchange: null })),
  );
});

describe("EIP-7708", () => {
  const busy: TransactionStory = {
    from: alpha,
    to: user,
    value: 1n,
    moves: [{ type: "CALL", from: user, to: beta, value: 2n }],
    logs: [
      transfer(system, alpha, user, 1n),
      transfer(usdt, alpha, user, 4n),
      transfer(system, user, beta, 2n),
    ],
  };
  const wanted = [
    "native outflow alpha - 1 ETH block",
    "token outflow alpha - 4 USDT block",
    "native inflow - beta 2 ETH block",
  ];

  test("its logs replace native and internal", () => {
    expect(lines({ traced: true, transactions: [busy] })).toEqual(wanted);
    expect(lines({ traced: true, transactions: [busy], slotNumber: 1n, excessBlobGas: 0n })).toEqual(wanted);
  });

  test("in an Amsterdam block nothing is counted that has no log", () => {
    expect(lines({ traced: true, slotNumber: 9n, transactions: [{ ...busy, logs: [] }] })).toEqual([]);
    const other = { from: beta, to: user, value: 1n };
    expect(lines({ traced: true, transactions: [busy, other] })).toEqual(wanted);
  });
});

describe("evidence of what was waived", () => {
  const story: BlockStory = {
    feeRecipient: beta,
    withdrawals: [{ to: alpha, gwei: 1n }],
    traced: true,
    transactions: [
      {
        from: alpha,
        to: user,
        value: 1n,
        moves: [{ type: "CALL", from: user, to: beta, value: 2n }],
        logs: [transfer(usdt, alpha, user, 4n)],
      },
    ],
  };
  const evidence = (waived: string) =>
    Object.fromEntries(flowsOf(story, without(waived)).legs.map((leg) => [leg.kind, leg.evidence]));
  const proven = { native: "block", internal: "trace", token: "block", withdrawal: "block", reward: "block" };

  test.each([
    ["bloom", {}],
    ["senders", { native: "unproven" }],
    ["withdrawals", { withdrawal: "unproven" }],
    ["traces", { internal: "unproven" }],
    ["receipts", { native: "unproven", token: "unproven", reward: "unproven" }],
  ])("%s", (waived, unproven) => {
    expect(evidence(waived)).toEqual({ ...proven, ...unproven });
  });
});

test("a block says which it is, also where nothing flowed", () => {
  const block = finalBlock({ height: 77, time: 1_700_000_123 });
  expect(rule(block, book)).toEqual({
    height: 77,
    hash: block.hash,
    time: 1_700_000_123,
    watermark: 1_700_000_123,
    labelVersion: "v1",
    legs: [],
    fees: [],
  });
});
