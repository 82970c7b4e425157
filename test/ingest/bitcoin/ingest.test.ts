import { describe, expect, it } from "vitest";
import { BITCOIN_PROOFS } from "../../../ingest/bitcoin/prover.ts";
import { reproveBitcoin } from "../../../ingest/bitcoin/reprove.ts";
import { ProofFailed } from "../../../ingest/nodes.ts";
import { freePort } from "../../../runtime/services/port.ts";
import {
  type ChainBlock,
  fork,
  grow,
  outweigh,
  rawValue,
  simulateBitcoin,
} from "../../chain/bitcoin/chain.ts";
import { LIES } from "../../chain/bitcoin/lies.ts";
import { startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { FAULTS, type Fault } from "../../chain/faults.ts";
import { at, blocksOf } from "../../chain/walk.ts";
import {
  bitcoinHashes,
  bitcoinOptions,
  bitcoinRecords,
  startBitcoinIngest,
} from "../../support/bitcoin-ingest.ts";
import { HASTY, until } from "../../support/ingest-story.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { closedAfterwards } from "../../support/started-nodes.ts";

const nodeAt = closedAfterwards(startBitcoinNode);

const trunk = grow(simulateBitcoin({ jitterS: 5_000 }), 8);
const all = blocksOf(trunk).map((block) => block.hash);
const hashesFrom = (tip: ChainBlock, count: number) =>
  blocksOf(tip)
    .slice(-count)
    .map((block) => block.hash);
const PATIENT = { ...HASTY, outageMs: 20_000, smallAnswerMs: 1_000, bodyAnswerMs: 1_000 };

describe("what ingest writes", () => {
  it("is the chain in order, each record with its headers, and proves again", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    await startBitcoinIngest(cluster, bitcoinOptions([node.url]), { until: 7 }).ended;
    const records = bitcoinRecords(cluster);
    expect(records.map(({ key }) => key)).toEqual(all);
    for (const [index, { key, value, headers }] of records.entries()) {
      const block = blocksOf(trunk)[index]!;
      expect(headers).toEqual({
        chain: "bitcoin",
        height: String(index + 1),
        hash: key,
        parent: block.parent,
        time: String(block.time),
        proofs: "header,work,merkle,witness,height,spent,coinbase",
        codec: "bitcoin.v1",
      });
      expect(Buffer.from(value ?? []).equals(rawValue(block))).toBe(true);
      const again = reproveBitcoin(value ?? new Uint8Array(), block, BITCOIN_PROOFS, { network: "regtest" });
      expect(again).toEqual({ kind: "holds" });
    }
  });

  it("begins in the middle, and at the newest block where that is asked for", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    await startBitcoinIngest(cluster, bitcoinOptions([node.url], { start: 5 }), { until: 7 }).ended;
    expect(bitcoinHashes(cluster)).toEqual(all.slice(4));
    const latest = new MemoryCluster();
    const run = startBitcoinIngest(latest, bitcoinOptions([node.url], { start: "latest" }));
    await until("the newest block", () => bitcoinHashes(latest).length > 0);
    await run.stop();
    expect(bitcoinHashes(latest)).toEqual(all.slice(-1));
  });

  it("follows a node that goes from a long branch to a shorter, heavier one, and back", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startBitcoinIngest(cluster, bitcoinOptions([node.url]));
    await until("the trunk", () => bitcoinHashes(cluster).length === 9);
    const heavy = outweigh(trunk, { depth: 4, fewer: 2, branch: "heavy" });
    expect([heavy.height, heavy.work > trunk.work]).toEqual([7, true]);
    node.follow(heavy);
    await until("the heavy branch", () => bitcoinHashes(cluster).at(-1) === heavy.hash);
    const back = grow(trunk, 1);
    node.follow(back);
    await until("the long branch", () => bitcoinHashes(cluster).at(-1) === back.hash);
    await run.stop();
    expect(bitcoinHashes(cluster)).toEqual([...all, ...hashesFrom(heavy, 2), ...hashesFrom(back, 5)]);
  });

  it.each([1, 2, 3, 4, 5])(
    "announces a reorg of depth %i, parents first, and takes no lag for one",
    async (depth) => {
      const node = await nodeAt(trunk, { rest: depth % 2 === 0 });
      const cluster = new MemoryCluster();
      const run = startBitcoinIngest(cluster, bitcoinOptions([node.url]));
      await until("the trunk", () => bitcoinHashes(cluster).length === 9);
      node.lag(depth);
      const looks = () => node.calls.get("getblockchaininfo") ?? 0;
      const before = looks();
      await until("two looks at what lags", () => looks() >= before + 2);
      const rival = fork(trunk, depth, "b");
      node.lag(0);
      node.follow(rival);
      await until("the rival", () => bitcoinHashes(cluster).at(-1) === rival.hash);
      await run.stop();
      expect(bitcoinHashes(cluster)).toEqual([...all, ...hashesFrom(rival, depth + 1)]);
    },
  );
});

describe("faults of the wire", () => {
  const forms = [true, false].flatMap((rest) => FAULTS.map((fault) => ({ rest, fault })));
  /** One more refusal and a lone node is given up; the others take a second each. */
  const FEW: readonly Fault[] = ["401", "403", "429", "hang"];

  it.each(forms)(
    "$fault (REST: $rest): a node that fails for a while is asked until it answers",
    async ({ rest, fault }) => {
      const node = await nodeAt(trunk, { rest });
      const cluster = new MemoryCluster();
      const run = startBitcoinIngest(cluster, bitcoinOptions([node.url]), { limits: PATIENT });
      await until("the trunk", () => bitcoinHashes(cluster).length === 9);
      node.fail(fault, FEW.includes(fault) ? 2 : 5);
      const next = grow(trunk, 3);
      node.follow(next);
      await until("the blocks above", () => bitcoinHashes(cluster).at(-1) === next.hash);
      await run.stop();
      expect(bitcoinHashes(cluster)).toEqual(blocksOf(next).map((block) => block.hash));
    },
  );

  it.each(forms)(
    "$fault (REST: $rest): a node that fails for ever is replaced by the next one",
    async ({ rest, fault }) => {
      const bad = await nodeAt(trunk, { rest });
      const good = await nodeAt(trunk, { rest });
      bad.fail(fault);
      const cluster = new MemoryCluster();
      const nodes = bitcoinOptions([bad.url, good.url]);
      await startBitcoinIngest(cluster, nodes, { until: 7, limits: PATIENT }).ended;
      expect(bitcoinHashes(cluster)).toEqual(all);
    },
  );

  it.each(FAULTS)("%s for a block's REST alone does not keep a block from us", async (fault) => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startBitcoinIngest(cluster, bitcoinOptions([node.url], { start: 3 }), { limits: PATIENT });
    await until("the trunk", () => bitcoinHashes(cluster).length === 7);
    node.fail(fault, 2, "/rest/block/");
    const next = grow(trunk, 1);
    node.follow(next);
    await until("the block above", () => bitcoinHashes(cluster).at(-1) === next.hash);
    await run.stop();
  });

  it.each(["html", "empty"] as const)(
    "%s for ever instead of bytes is an outage, no failed proof",
    async (fault) => {
      const node = await nodeAt(trunk);
      node.fail(fault, Number.POSITIVE_INFINITY, "/rest/block/");
      const run = startBitcoinIngest(new MemoryCluster(), bitcoinOptions([node.url]));
      await expect(run.ended).rejects.toThrow(
        /no good answer for 1.5 s.*REST: a page or nothing instead of bytes/,
      );
    },
  );

  it("a lone node that is gone for a while is found again", async () => {
    // Out of the range of outgoing connections: nobody is given it while the node is gone.
    const node = await nodeAt(trunk, { port: await freePort("node") });
    const cluster = new MemoryCluster();
    const run = startBitcoinIngest(cluster, bitcoinOptions([node.url]), { limits: PATIENT });
    await until("the trunk", () => bitcoinHashes(cluster).length === 9);
    await node.close();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await nodeAt(grow(trunk, 1), { port: node.port });
    await until("the next block", () => bitcoinHashes(cluster).length === 10);
    await run.stop();
  });
});

describe("answers that are not the block asked for", () => {
  /** What JSON can't tell otherwise than right: there is nothing behind a block in it, and a prevout too many has no input. */
  const ONLY_BYTES = [
    "cut off",
    "cut off spent outputs",
    "trailing bytes",
    "trailing spent outputs",
    "extra spent output",
    "another block's spent outputs",
  ];
  const told = [true, false].flatMap((rest) =>
    LIES.filter((lie) => rest || !ONLY_BYTES.includes(lie)).map((lie) => ({ rest, lie })),
  );
  // Blocks of several transactions each, with witnesses, none of them a power of two.
  const rich = grow(
    simulateBitcoin({ bodies: ({ height }) => [757739, 757753].includes(height), start: 200 }),
    8,
  );
  const richHashes = blocksOf(rich).map((block) => block.hash);

  it.each(told)(
    "$lie (REST: $rest): the next node's block is taken, and without one ingest stops",
    async ({ rest, lie }) => {
      const liar = await nodeAt(rich, { rest });
      const honest = await nodeAt(rich, { rest });
      liar.lie(lie, { height: 204 });
      const cluster = new MemoryCluster();
      const both = bitcoinOptions([liar.url, honest.url], { start: 200 });
      await startBitcoinIngest(cluster, both, { until: 206 }).ended;
      expect(bitcoinHashes(cluster)).toEqual(richHashes);
      const alone = new MemoryCluster();
      const error = await startBitcoinIngest(alone, bitcoinOptions([liar.url], { start: 200 })).ended.catch(
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(ProofFailed);
      expect(error).toMatchObject({ height: 204, hash: at(rich, 204).hash, node: `127.0.0.1:${liar.port}` });
      expect(bitcoinHashes(alone)).toEqual(richHashes.slice(0, 4));
    },
  );

  it("a head that a node names and can't serve does not keep us from the next node's chain", async () => {
    const dreamer = await nodeAt(trunk);
    const awake = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startBitcoinIngest(cluster, bitcoinOptions([dreamer.url, awake.url]), { limits: PATIENT });
    await until("the trunk", () => bitcoinHashes(cluster).length === 9);
    dreamer.runAhead(1);
    const next = grow(trunk, 2);
    awake.follow(next);
    await until("the next blocks", () => bitcoinHashes(cluster).at(-1) === next.hash);
    await run.stop();
    expect(bitcoinHashes(cluster)).toEqual(blocksOf(next).map((block) => block.hash));
  });
});
