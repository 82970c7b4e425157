import { describe, expect, test } from "vitest";
import { addressOf } from "../../../stream/bitcoin/address.ts";
import { txidOf } from "../../../stream/bitcoin/block.ts";
import { bitcoinRule } from "../../../stream/bitcoin/flows.ts";
import { parseBlock } from "../../../stream/bitcoin/parse.ts";
import { pubkeyHashScript } from "../../../stream/bitcoin/script.ts";
import type { LabelBook } from "../../../stream/flow/labels.ts";
import { fromHex, HASHES } from "./hashes.ts";
import {
  ALL_PROOFS,
  type BlockStory,
  bookOf,
  finalStory,
  type OutputStory,
  type TransactionStory,
} from "./story.ts";

const rule = bitcoinRule({ network: "mainnet", hashes: HASHES });

/** A key's hash made of one byte, its script and its address. */
const scriptOf = (who: number) => pubkeyHashScript(new Uint8Array(20).fill(who));
const addressAt = (who: number) => addressOf(scriptOf(who), "mainnet", HASHES.sha256) ?? "";
const pay = (who: number, value: number): OutputStory => ({ value, script: scriptOf(who) });

const [A, A2, B, C, X, Y] = [1, 2, 3, 4, 8, 9];
const book = bookOf({
  [addressAt(A)]: "alpha",
  [addressAt(A2)]: "alpha",
  [addressAt(B)]: "beta",
  [addressAt(C)]: "gamma",
});
const nobody = [pay(X, 0)];

/** Legs of a block with these transactions, in short. */
function legsOf(transactions: readonly TransactionStory[], labels: LabelBook = book) {
  return rule(finalStory({ coinbase: nobody, transactions }), labels).legs.map(
    ({ flowType, fromExchange, toExchange, amount, fromAddress, toAddress }) => [
      flowType,
      fromExchange,
      toExchange,
      amount,
      fromAddress,
      toAddress,
    ],
  );
}

describe("a transaction's legs", () => {
  test("a deposit, a withdrawal with change, and a consolidation", () => {
    const deposit = { spends: [pay(X, 100)], outputs: [pay(A, 60), pay(X, 30)] };
    const withdrawal = { spends: [pay(A, 100)], outputs: [pay(X, 50), pay(A, 40)] };
    const consolidation = { spends: [pay(A, 40), pay(A2, 60)], outputs: [pay(A, 90)] };
    expect(legsOf([deposit, withdrawal, consolidation])).toEqual([
      ["inflow", null, "alpha", 60n, addressAt(X), addressAt(A)],
      ["outflow", "alpha", null, 50n, addressAt(A), addressAt(X)],
    ]);
  });

  test("scripts that differ in one byte have owners of their own, whichever byte it is", () => {
    const hashes = Array.from({ length: 20 }, (_, at) => new Uint8Array(20).fill(A).fill(B, at, at + 1));
    const scripts = [scriptOf(A), ...hashes.map(pubkeyHashScript)];
    const owners = Object.fromEntries(
      scripts.map((script, index) => [addressOf(script, "mainnet", HASHES.sha256) ?? "", `owner-${index}`]),
    );
    const paid = (outputs: readonly OutputStory[]) =>
      Object.fromEntries(
        legsOf([{ spends: [pay(X, outputs.length)], outputs }], bookOf(owners)).map(
          ([, , to, , , address]) => [address, to],
        ),
      );
    expect(paid(scripts.map((script) => ({ value: 1, script })))).toEqual(owners);
    const unknown = pubkeyHashScript(new Uint8Array(20).fill(A).fill(C, 0, 1));
    expect(paid([{ value: 1, script: unknown }])).toEqual({});
  });

  test("every field of a leg and of the block's flows", () => {
    const story: BlockStory = {
      coinbase: nobody,
      transactions: [{ spends: [pay(A, 100)], outputs: [pay(B, 90)], witness: true }],
    };
    const final = finalStory(story);
    const block = parseBlock(final.value);
    expect(rule(final, book)).toEqual({
      height: 800_000,
      hash: "hash of 800000",
      time: 1_700_000_000,
      watermark: null,
      labelVersion: "v1",
      legs: [
        {
          leg: 0,
          txHash: txidOf(block, block.transactions[1]!, HASHES.sha256),
          asset: "BTC",
          kind: "utxo",
          flowType: "inter",
          fromExchange: "alpha",
          toExchange: "beta",
          fromAddress: addressAt(A),
          toAddress: addressAt(B),
          amount: 90n,
          evidence: "prevout",
        },
      ],
      fees: [{ exchange: "alpha", asset: "BTC", amount: 10n }],
    });
  });

  test("several givers and takers: parts between exchanges first, then each one's rest", () => {
    const many = {
      spends: [pay(A, 100), pay(B, 200), pay(X, 300)],
      outputs: [pay(C, 301), pay(Y, 299)],
    };
    // Nobody paid a fee. U gained -1: it gives 1 of the 301 that gamma gains.
    expect(legsOf([many])).toEqual([
      ["inter", "alpha", "gamma", 100n, addressAt(A), addressAt(C)],
      ["inter", "beta", "gamma", 200n, addressAt(B), addressAt(C)],
      ["inflow", null, "gamma", 1n, addressAt(X), addressAt(C)],
    ]);
  });

  test("an address is named where a side has just one that holds something", () => {
    const multisig = fromHex(`5121${"02".repeat(33)}51ae`);
    const none = (value: number): OutputStory => ({ value, script: multisig });
    const data: OutputStory = { value: 0, script: fromHex("6a0548656c6c6f") };
    const legs = legsOf([
      { spends: [pay(X, 50), pay(X, 50)], outputs: [pay(A, 50), pay(A, 50), data, pay(Y, 0)] },
      { spends: [pay(X, 50), pay(Y, 50)], outputs: [pay(A, 50), pay(A2, 50)] },
      { spends: [none(100)], outputs: [pay(A, 100)] },
      { spends: [pay(A, 100)], outputs: [none(50), pay(X, 50)] },
      { spends: [pay(A, 100)], outputs: [data, pay(X, 100)] },
    ]);
    expect(legs.map(([, , , , from, to]) => [from, to])).toEqual([
      [addressAt(X), addressAt(A)],
      [null, null],
      [null, addressAt(A)],
      [addressAt(A), null],
      [addressAt(A), addressAt(X)],
    ]);
  });

  test("a bare public key is labelled as its hash's address, and named by it", () => {
    const key = `02${"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"}`;
    const bare: OutputStory = { value: 100, script: fromHex(`21${key}ac`) };
    const address = "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH";
    expect(legsOf([{ spends: [pay(X, 100)], outputs: [bare] }], bookOf({ [address]: "kappa" }))).toEqual([
      ["inflow", null, "kappa", 100n, addressAt(X), address],
    ]);
  });

  test("labels hold from their date on, by the block's time", () => {
    const deposit = [{ spends: [pay(X, 100)], outputs: [pay(A, 100)] }];
    expect(legsOf(deposit, bookOf({ [addressAt(A)]: "alpha" }, 1_700_000_000))).toHaveLength(1);
    expect(legsOf(deposit, bookOf({ [addressAt(A)]: "alpha" }, 1_700_000_001))).toEqual([]);
  });

  test("a changed book applies from the next block on", () => {
    const deposit = [{ spends: [pay(X, 100)], outputs: [pay(A, 100)] }];
    const holders = (labels: LabelBook) => legsOf(deposit, labels).map(([, , to]) => to);
    expect(holders(bookOf({ [addressAt(A)]: "one" }))).toEqual(["one"]);
    expect(holders(bookOf({ [addressAt(A)]: "two" }))).toEqual(["two"]);
    expect(holders(bookOf({ [addressAt(B)]: "two" }))).toEqual([]);
  });

  test("another network's rule knows the same scripts by its own addresses", () => {
    const onRegtest = bitcoinRule({ network: "regtest", hashes: HASHES });
    const address = addressOf(scriptOf(A), "regtest", HASHES.sha256) ?? "";
    const final = finalStory({
      coinbase: nobody,
      transactions: [{ spends: [pay(X, 5)], outputs: [pay(A, 5)] }],
    });
    const [leg] = onRegtest(final, bookOf({ [address]: "alpha" })).legs;
    expect([leg?.toAddress, leg?.fromAddress?.slice(0, 1)]).toEqual([address, "m"]);
  });
});

describe("fees", () => {
  test("each exchange's shares, over all transactions; none for the unlabelled, none of zero", () => {
    const transactions = [
      { spends: [pay(B, 30), pay(A, 70)], outputs: [pay(X, 90)] },
      { spends: [pay(X, 50)], outputs: [pay(C, 40)] },
      { spends: [pay(A, 10)], outputs: [pay(A, 9)] },
    ];
    const { fees } = rule(finalStory({ coinbase: nobody, transactions }), book);
    expect(fees).toEqual([
      { exchange: "alpha", asset: "BTC", amount: 8n },
      { exchange: "beta", asset: "BTC", amount: 3n },
    ]);
  });
});

describe("the coinbase", () => {
  const issued = (story: BlockStory, height?: number) =>
    rule(finalStory(story, height === undefined ? {} : { height }), book).legs;

  test("is issued to the exchanges that it pays, one leg each, by its own id", () => {
    const story = { coinbase: [pay(B, 5), pay(A, 7), pay(X, 11), pay(A2, 13), pay(C, 0)] };
    const legs = issued(story);
    const block = parseBlock(finalStory(story).value);
    expect(legs.map((leg) => [leg.leg, leg.toExchange, leg.amount, leg.toAddress])).toEqual([
      [0, "alpha", 20n, null],
      [1, "beta", 5n, addressAt(B)],
    ]);
    expect(legs[0]).toMatchObject({
      txHash: txidOf(block, block.transactions[0]!, HASHES.sha256),
      kind: "coinbase",
      flowType: "issued",
      fromExchange: null,
      fromAddress: null,
      evidence: "block",
    });
  });

  test("of block 0 is no leg: its output can't be spent", () => {
    expect(issued({ coinbase: [pay(A, 50)] }, 0)).toEqual([]);
    expect(issued({ coinbase: [pay(A, 50)] }, 1)).toHaveLength(1);
  });

  test("with an id that another block's coinbase has had (BIP 30) is issued in both", () => {
    const twice = [91_722, 91_880].map((height) => issued({ coinbase: [pay(A, 50)] }, height)[0]);
    expect(twice[0]?.txHash).toBe(twice[1]?.txHash);
    expect(twice.map((leg) => [leg?.leg, leg?.amount])).toEqual([
      [0, 50n],
      [0, 50n],
    ]);
  });
});

describe("evidence", () => {
  const story: BlockStory = {
    coinbase: [pay(A, 50)],
    transactions: [{ spends: [pay(X, 9)], outputs: [pay(A, 9)] }],
  };
  const evidenceWithout = (...waived: readonly string[]) =>
    rule(finalStory(story, { proofs: ALL_PROOFS.filter((name) => !waived.includes(name)) }), book).legs.map(
      (leg) => leg.evidence,
    );

  test("outputs stand in the block, spent outputs are the node's word; what was waived proves nothing", () => {
    expect(evidenceWithout()).toEqual(["block", "prevout"]);
    expect(evidenceWithout("work", "witness", "height", "coinbase")).toEqual(["block", "prevout"]);
    expect(evidenceWithout("spent")).toEqual(["block", "unproven"]);
    expect(evidenceWithout("merkle")).toEqual(["unproven", "unproven"]);
    expect(evidenceWithout("header")).toEqual(["unproven", "unproven"]);
  });
});

test("a transaction that pays out more than it spends is refused", () => {
  const story = { coinbase: nobody, transactions: [{ spends: [pay(X, 9)], outputs: [pay(Y, 10)] }] };
  expect(() => rule(finalStory(story), book)).toThrow("transaction 1 pays out more than it spends");
});
