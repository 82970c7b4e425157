import { describe, expect, test } from "vitest";
import { type ChainBlock, grow, isTraced, simulateChain } from "./chain.ts";
import { LIES, type Lie, tell } from "./lies.ts";
import type { Part } from "./served.ts";

interface ReceiptJson {
  readonly blockHash: string;
  readonly transactionHash: string;
  readonly logsBloom?: string;
  readonly logs: readonly {
    readonly data: string;
    readonly topics: readonly string[];
    readonly address: string;
  }[];
}

const PARTS: readonly Part[] = ["full", "thin", "receipts", "traces", "rawBlock", "rawHeader", "rawReceipts"];
const ALL_OF_BLOCK: readonly Part[] = ["full", "thin", "rawBlock", "rawHeader"];

/** In which parts of a block each lie shows. */
const TOLD_IN: Readonly<Record<Lie, readonly Part[]>> = {
  "missing log": ["receipts", "rawReceipts"],
  "extra log": ["receipts", "rawReceipts"],
  "altered log": ["receipts", "rawReceipts"],
  "altered amount": ["receipts", "rawReceipts"],
  "dropped receipt": ["receipts", "rawReceipts"],
  "doubled receipt": ["receipts", "rawReceipts"],
  "receipts of a fork": ["receipts", "rawReceipts"],
  "receipts of a fork, relabelled": ["receipts", "rawReceipts"],
  "wrong sender": ["full", "receipts"],
  "null block": ALL_OF_BLOCK,
  "null receipts": ["receipts", "rawReceipts"],
  "null traces": ["traces"],
  "wrong parent": ALL_OF_BLOCK,
  "wrong hash": [...ALL_OF_BLOCK],
  "wrong height": ALL_OF_BLOCK,
  "swapped transactions": ["full", "thin", "receipts", "traces", "rawBlock"],
  "missing field": PARTS,
  "hashes for transactions": ["full"],
  "traces of another block": ["traces"],
};

const block = grow(simulateChain({ bodies: isTraced }), 3);
const honest = (part: Part) => JSON.parse(String(block.answer(part)));
const told = (lie: Lie, part: Part, of: ChainBlock = block) => JSON.parse(String(tell(lie, of, part)));
const receipts = (lie: Lie): readonly ReceiptJson[] => told(lie, "receipts");
const trueReceipts: readonly ReceiptJson[] = honest("receipts");
const logsOf = (list: readonly ReceiptJson[]) => list.flatMap((receipt) => receipt.logs);

test.each(LIES)("%s: shows in the parts that it is about, and nowhere else", (lie) => {
  const shown = PARTS.filter((part) => String(tell(lie, block, part)) !== String(block.answer(part)));
  expect(shown).toEqual(PARTS.filter((part) => TOLD_IN[lie].includes(part)));
});

describe("receipts", () => {
  test("missing log, extra log: one log less, one log more", () => {
    expect(logsOf(receipts("missing log")).length).toBe(logsOf(trueReceipts).length - 1);
    expect(logsOf(receipts("extra log")).length).toBe(logsOf(trueReceipts).length + 1);
  });

  test("altered log: the last topic of one log is another", () => {
    const differs = logsOf(receipts("altered log")).filter(
      (log, index) => String(log.topics) !== String(logsOf(trueReceipts)[index]?.topics),
    );
    expect(differs.length).toBe(1);
  });

  test("altered amount: 32 bytes of data of one log are others, and nothing else", () => {
    const lied = logsOf(receipts("altered amount"));
    const differs = lied.flatMap((log, index) =>
      log.data === logsOf(trueReceipts)[index]?.data ? [] : [index],
    );
    expect(differs.length).toBe(1);
    const index = differs[0]!;
    expect(lied[index]?.data.length).toBe(66);
    expect({ ...lied[index], data: "" }).toEqual({ ...logsOf(trueReceipts)[index], data: "" });
  });

  test("dropped, doubled: one receipt less, one more", () => {
    expect(receipts("dropped receipt")).toEqual(trueReceipts.slice(0, -1));
    expect(receipts("doubled receipt").length).toBe(trueReceipts.length + 1);
    expect(receipts("doubled receipt")[1]?.transactionHash).toBe(trueReceipts[0]?.transactionHash);
  });

  test("of a fork: they name a block that is not ours; relabelled: ours, with logs that are not", () => {
    expect(new Set(receipts("receipts of a fork").map((one) => one.blockHash)).size).toBe(1);
    expect(receipts("receipts of a fork")[0]?.blockHash).not.toBe(block.hash);
    const relabelled = receipts("receipts of a fork, relabelled");
    expect(new Set(relabelled.map((one) => one.blockHash))).toEqual(new Set([block.hash]));
    expect(relabelled.map((one) => one.logsBloom)).not.toEqual(trueReceipts.map((one) => one.logsBloom));
  });
});

describe("blocks", () => {
  test("wrong parent, wrong height: one field, under the hash that was asked for", () => {
    const { parentHash, ...parented } = told("wrong parent", "full");
    const { number, ...numbered } = told("wrong height", "full");
    expect(parentHash).not.toBe(block.parent);
    expect(Number(number)).toBe(block.height + 1);
    expect(parented).toEqual({ ...honest("full"), parentHash: undefined });
    expect({ ...numbered, size: "" }).toEqual({ ...honest("full"), number: undefined, size: "" });
  });

  test("wrong hash: another hash than the one that was asked for", () => {
    expect(told("wrong hash", "full").hash).not.toBe(block.hash);
    expect(told("wrong hash", "full").parentHash).toBe(block.parent);
  });

  test("swapped transactions: the first two in each other's place", () => {
    const [first, second, ...rest] = honest("thin").transactions;
    expect(told("swapped transactions", "thin").transactions).toEqual([second, first, ...rest]);
  });

  test("wrong sender: the first transaction is from somebody else", () => {
    expect(told("wrong sender", "full").transactions[0].from).toBe(`0x${"5e".repeat(20)}`);
    expect(told("wrong sender", "full").transactions.slice(1)).toEqual(honest("full").transactions.slice(1));
  });

  test("hashes for transactions: what was not asked for", () => {
    expect(told("hashes for transactions", "full")).toEqual(honest("thin"));
  });

  test("missing field: a root, or a bloom, is not there", () => {
    expect("receiptsRoot" in told("missing field", "full")).toBe(false);
    expect(receipts("missing field").some((one) => "logsBloom" in one)).toBe(false);
  });

  test("null: nothing", () => {
    expect([
      told("null block", "full"),
      told("null receipts", "receipts"),
      told("null traces", "traces"),
    ]).toEqual([null, null, null]);
  });
});

test("traces of another block: none of its transactions is ours", () => {
  const ours = new Set(honest("traces").map((trace: { txHash: string }) => trace.txHash));
  const theirs: readonly { readonly txHash: string }[] = told("traces of another block", "traces");
  expect(theirs.length).toBeGreaterThan(0);
  expect(theirs.filter((trace) => ours.has(trace.txHash))).toEqual([]);
});
