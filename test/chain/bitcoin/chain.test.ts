import { describe, expect, it } from "vitest";
import { decodeRawBlock, inputsOf, outputsOf } from "../../../stream/bitcoin/parse.ts";
import { back, blocksOf } from "../walk.ts";
import { bodyFacts, loadBodies, rawOf } from "./bodies.ts";
import { branchOfFirst, plainRoot, rootAbove, sha256d, shown } from "./bytes.ts";
import { fork, grow, medianTime, outweigh, REGTEST_GENESIS, rawValue, simulateBitcoin } from "./chain.ts";
import { subsidySat, targetOf } from "./mint.ts";

describe("the bodies", () => {
  it("are the real blocks that their index names: hash, root, and as many spent outputs as inputs", () => {
    for (const facts of bodyFacts()) {
      const { block, spent } = decodeRawBlock(rawOf(facts.height));
      expect(shown(sha256d(block.bytes.subarray(0, 80)))).toBe(facts.hash);
      const [body] = loadBodies(({ height }) => height === facts.height);
      const coinbase = block.transactions[0]!;
      expect(coinbase.hasWitness).toBe(facts.witness);
      const first = block.bytes.subarray(coinbase.start, coinbase.end);
      const bare = facts.witness
        ? Buffer.concat([first.subarray(0, 4), first.subarray(6, -38), first.subarray(-4)])
        : first;
      const txids = [sha256d(bare), ...body!.transactions.map((tx) => tx.txid)];
      expect(plainRoot(txids).equals(block.header.merkleRoot)).toBe(true);
      expect(rootAbove(txids[0]!, branchOfFirst(txids)).equals(block.header.merkleRoot)).toBe(true);
      expect(spent.reduce((sum, entry) => sum + outputsOf(block, entry).length, 0)).toBe(facts.inputs);
    }
    expect(bodyFacts().map(({ height }) => height)).toEqual([
      24835, 57043, 91880, 116928, 150013, 200000, 210000, 255018, 277647, 279671, 300025, 361582, 403200,
      478558, 757739, 757753,
    ]);
  });
});

describe("a chain of ours", () => {
  const first = simulateBitcoin({ jitterS: 4_000 });
  const tip = grow(first, 40);

  it("links by hashes that carry their work, from regtest's genesis on", () => {
    expect(first).toMatchObject({ height: 1, parent: REGTEST_GENESIS });
    for (const block of blocksOf(tip)) {
      expect(shown(sha256d(block.header))).toBe(block.hash);
      expect(BigInt(`0x${block.hash}`) <= targetOf(block.bits)).toBe(true);
      expect(block.parent).toBe(block.before?.hash ?? REGTEST_GENESIS);
      expect(block.header.readUInt32LE(68)).toBe(block.time);
    }
  });

  it("has times that go back now and then, and never to the median of the eleven before", () => {
    const blocks = blocksOf(tip);
    expect(blocks.some((block) => block.before !== undefined && block.time < block.before.time)).toBe(true);
    for (const { time, before } of blocks)
      if (before !== undefined) expect(time).toBeGreaterThan(medianTime(before));
  });

  it("pays each coinbase subsidy and fees, and halves at 150", () => {
    expect([0, 149, 150, 299, 300].map(subsidySat)).toEqual([
      5_000_000_000n,
      5_000_000_000n,
      2_500_000_000n,
      2_500_000_000n,
      1_250_000_000n,
    ]);
    for (const block of blocksOf(tip)) {
      const [coinbase] = decodeRawBlock(rawValue(block)).block.transactions;
      expect(BigInt(coinbase!.total)).toBe(subsidySat(block.height) + block.body.feesSat);
    }
  });

  it("is the same again, and another on another branch", () => {
    expect(grow(simulateBitcoin({ jitterS: 4_000 }), 40).hash).toBe(tip.hash);
    const rival = fork(tip, 3, "b");
    expect([rival.height, back(rival, 4).hash]).toEqual([42, back(tip, 3).hash]);
    expect(back(rival, 3).hash).not.toBe(back(tip, 2).hash);
    const heavy = outweigh(tip, { depth: 5, fewer: 3, branch: "h" });
    expect([heavy.height, heavy.work > tip.work]).toEqual([38, true]);
  });

  it("can have blocks of main net's size: all bodies in one", () => {
    const large = simulateBitcoin({ bodies: () => true, blend: 16 });
    const { block } = decodeRawBlock(rawValue(large));
    expect(block.transactions.length).toBeGreaterThan(3_000);
    const script = inputsOf(block, block.transactions[0]!)[0]!;
    expect(Buffer.from(block.bytes.subarray(script.scriptAt + 2, script.scriptEnd)).toString()).toBe(
      "sluice a",
    );
  });
});
