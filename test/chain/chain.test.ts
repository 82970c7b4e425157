import { expect, test } from "vitest";
import { encodeBlock } from "../../ingest/ethereum/encode-block.ts";
import { encodeReceipts } from "../../ingest/ethereum/encode-receipt.ts";
import { encodeRlp } from "../../stream/ethereum/rlp.ts";
import { type ChainBlock, fork, grow, isTraced, simulateChain } from "./chain.ts";
import { HEADER, headerHash, receiptItem, transactionItem } from "./content.ts";
import { toHex, toInteger } from "./hex.ts";
import { listRoot } from "./roots.ts";
import { type Part, render } from "./served.ts";
import { story } from "./story.ts";
import { at, back, blocksOf } from "./walk.ts";

const PARTS: readonly Part[] = [
  "full",
  "thin",
  "receipts",
  "traces",
  "ommers",
  "rawBlock",
  "rawHeader",
  "rawReceipts",
];
/** All modern bodies occur within this many blocks; asserted below. */
const ENOUGH = 150;

const parsed = (block: ChainBlock, part: Part) => JSON.parse(String(block.answer(part)));

test("a chain grows by heights, times and parents of its own over all modern bodies", () => {
  const first = simulateChain({ seed: 3, start: 17, startTime: 1_767_225_600, spacingS: 12 });
  const blocks = blocksOf(grow(first, ENOUGH - 1));
  expect(blocks.map((block) => block.height)).toEqual(blocks.map((_, index) => 17 + index));
  expect(blocks.map((block) => block.time)).toEqual(blocks.map((_, index) => 1_767_225_600 + 12 * index));
  expect(blocks.slice(1).map((block) => block.parent)).toEqual(
    blocks.slice(0, -1).map((block) => block.hash),
  );
  expect(new Set(blocks.map((block) => block.body)).size).toBe(first.world.bodies.length);
});

test("every block proves: its header has its hash, and its lists have the header's roots", () => {
  const first = simulateChain({ bodies: () => true });
  const seen = new Map(blocksOf(grow(first, 2 * ENOUGH)).map((block) => [block.body, block]));
  expect(seen.size).toBe(first.world.bodies.length);
  for (const { content, hash, height, parent } of seen.values()) {
    const root = (name: keyof typeof HEADER) => toHex(content.header[HEADER[name]]!);
    const bytes = (item: ReturnType<typeof receiptItem>) =>
      item instanceof Uint8Array ? item : encodeRlp(item);
    expect(headerHash(content.header)).toBe(hash);
    expect(root("parentHash")).toBe(parent);
    expect(toInteger(content.header[HEADER.number]!)).toBe(BigInt(height));
    expect(listRoot(content.transactions.map((tx) => bytes(transactionItem(tx))))).toBe(
      root("transactionsRoot"),
    );
    expect(listRoot(content.receipts.map((one) => bytes(receiptItem(one))))).toBe(root("receiptsRoot"));
    const { withdrawals } = content;
    if (withdrawals !== undefined) expect(listRoot(withdrawals.map(encodeRlp))).toBe(root("withdrawalsRoot"));
  }
});

test("the JSON of a block and of its receipts encodes to its raw bytes", () => {
  const first = simulateChain({ seed: 2, bodies: () => true });
  const seen = new Map(blocksOf(grow(first, ENOUGH)).map((block) => [block.body, block]));
  for (const block of seen.values()) {
    const ommers = parsed(block, "ommers");
    expect(toHex(encodeBlock(parsed(block, "full"), { ommers }))).toBe(parsed(block, "rawBlock"));
    expect(encodeReceipts(parsed(block, "receipts")).map(toHex)).toEqual(parsed(block, "rawReceipts"));
  }
});

test("what is stamped from plates is what would be printed afresh", () => {
  for (const height of [9, 0x1000, 17_686_110]) {
    const tip = grow(simulateChain({ start: height, bodies: (facts) => facts.height === 19529499 }), 2);
    for (const part of PARTS) expect(String(tip.answer(part))).toBe(String(render(tip.content, part)));
  }
});

test("all transactions, receipts and logs name the block, and logs count without a gap", () => {
  const tip = grow(simulateChain(), 3);
  const receipts = parsed(tip, "receipts") as {
    blockHash: string;
    logs: { blockHash: string; logIndex: string }[];
  }[];
  const logs = receipts.flatMap((receipt) => receipt.logs);
  expect(new Set([...receipts, ...logs].map((one) => one.blockHash))).toEqual(new Set([tip.hash]));
  expect(logs.map((log) => Number(log.logIndex))).toEqual(logs.map((_, index) => index));
  expect(new Set(parsed(tip, "full").transactions.map((tx: { blockHash: string }) => tx.blockHash))).toEqual(
    new Set([tip.hash]),
  );
});

test("forks share what is below them and nothing above", () => {
  const a = grow(simulateChain(), 10);
  const b = fork(a, 4, "b");
  expect(b.height).toBe(a.height + 1);
  expect(back(b, 5)).toBe(back(a, 4));
  for (let height = a.height - 3; height <= a.height; height += 1) {
    expect(at(b, height).hash).not.toBe(at(a, height).hash);
    expect(at(b, height).time).toBe(at(a, height).time);
  }
});

test("branches of one and the same body share no block either", () => {
  const a = grow(simulateChain({ bodies: (facts) => facts.height === 19426587 }), 2);
  const b = fork(a, 2, "b");
  expect(at(b, a.height).hash).not.toBe(a.hash);
  expect(grow(back(a, 2), 2).hash).toBe(a.hash);
});

test("the same seed and the same words make the same chain, another seed another", () => {
  const tip = (seed: number) => grow(fork(grow(simulateChain({ seed }), 5), 2, "b"), 3).hash;
  expect(tip(4)).toBe(tip(4));
  expect(tip(4)).not.toBe(tip(5));
});

test("a chain of traced bodies has a root frame a transaction, with its hash", () => {
  const tip = grow(simulateChain({ bodies: isTraced }), 4);
  const traces = parsed(tip, "traces") as { txHash: string; result: { from: string } }[];
  expect(traces.map((trace) => trace.txHash)).toEqual(tip.content.transactions.map((tx) => tx.hash));
  expect(traces.map((trace) => trace.result.from)).toEqual(tip.content.transactions.map((tx) => tx.sender));
});

test("a story forks every so many blocks, as deep as it is told", () => {
  const heads = story(simulateChain(), { forkEvery: 4, deepest: 3 });
  let tip = simulateChain();
  const depths: number[] = [];
  for (let told = 0; told < 40; told += 1) {
    const next = heads.next().value;
    expect(next.height).toBe(tip.height + 1);
    if (next.parent !== tip.hash) {
      let shared = next.before;
      while (shared !== undefined && at(tip, shared.height).hash !== shared.hash) shared = shared.before;
      depths.push(tip.height - shared!.height);
    }
    tip = next;
  }
  expect(depths).toEqual([1, 2, 3, 1, 2, 3, 1, 2]);
});
