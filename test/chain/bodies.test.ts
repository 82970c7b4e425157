import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import secp256k1 from "secp256k1";
import { describe, expect, test } from "vitest";
import { encodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import { bodiesFolder, bodyFacts, loadBodies } from "./bodies.ts";
import { HEADER, headerHash, receiptItem, type Transaction, transactionItem } from "./content.ts";
import { toHex, toInteger } from "./hex.ts";
import { namedFields } from "./json-block.ts";
import { keccak256 } from "./keccak.ts";
import { bytesOf } from "./rlp-view.ts";
import { bloomOf, listRoot, signedHash } from "./roots.ts";

const encoded = (item: RlpItem) => (item instanceof Uint8Array ? item : encodeRlp(item));

function recovered(tx: Transaction): string {
  const named = namedFields(tx);
  const [v, r, s] = ["v", "r", "s"].map((name) => toInteger(bytesOf(named[name])));
  const signature = Buffer.from([r, s].map((one) => one!.toString(16).padStart(64, "0")).join(""), "hex");
  const parity = tx.type > 0 ? v! : v! >= 35n ? (v! - 35n) % 2n : v! - 27n;
  const key = secp256k1.ecdsaRecover(signature, Number(parity), signedHash(tx), false);
  return toHex(keccak256(key.subarray(1)).subarray(12));
}

describe.each(bodyFacts())("body $height", (facts) => {
  const body = loadBodies(({ height }) => height === facts.height)[0]!;
  const root = (name: keyof typeof HEADER) => toHex(body.header[HEADER[name]]!);

  test("is the main-net block that its facts name", () => {
    expect(headerHash(body.header)).toBe(facts.hash);
    expect(toInteger(body.header[HEADER.number]!)).toBe(BigInt(facts.height));
    expect(toInteger(body.header[HEADER.timestamp]!)).toBe(BigInt(facts.time));
    expect(body.transactions.length).toBe(facts.transactions);
    expect([...new Set(body.transactions.map((tx) => tx.type))].sort()).toEqual(facts.types);
  });

  test("has the transactions, receipts and ommers that its header commits to", () => {
    expect(listRoot(body.transactions.map((tx) => encoded(transactionItem(tx))))).toBe(
      root("transactionsRoot"),
    );
    expect(listRoot(body.receipts.map((receipt) => encoded(receiptItem(receipt))))).toBe(
      root("receiptsRoot"),
    );
    expect(toHex(keccak256(encodeRlp(body.ommers)))).toBe(root("ommersHash"));
    expect(bloomOf(body.receipts.flatMap((receipt) => receipt.logs))).toBe(root("logsBloom"));
    expect(body.receipts.at(-1)?.cumulativeGas).toEqual(body.header[HEADER.gasUsed]);
  });

  test("has the withdrawals of its header where the source has them", () => {
    expect(body.withdrawals !== undefined).toBe(body.header.length > HEADER.withdrawalsRoot);
    if (facts.withdrawals) expect(listRoot(body.withdrawals!.map(encodeRlp))).toBe(root("withdrawalsRoot"));
    else expect(body.withdrawals ?? []).toEqual([]);
  });

  test("has the senders that signed", () => {
    expect(body.transactions.map((tx) => tx.sender)).toEqual(body.transactions.map(recovered));
  });

  test("has a root frame a transaction, from its sender, where it has traces", () => {
    expect(body.traces !== undefined).toBe(facts.traces);
    if (body.traces === undefined) return;
    expect(body.traces.map((frame) => frame.from)).toEqual(body.transactions.map((tx) => tx.sender));
    const values = body.transactions.map((tx) => toInteger(bytesOf(namedFields(tx)["value"])));
    expect(body.traces.map((frame) => frame.value)).toEqual(values);
  });
});

test("all bodies together take at most 6 MB", () => {
  const sizes = readdirSync(bodiesFolder()).map((name) => statSync(join(bodiesFolder(), name)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(6_000_000);
});
