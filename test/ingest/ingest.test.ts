import { describe, expect, it } from "vitest";
import { NodesUnreachable } from "../../ingest/nodes.ts";
import { type ChainBlock, fork, grow, simulateChain } from "../chain/chain.ts";
import { startNode } from "../chain/node.ts";
import { at, back, blocksOf } from "../chain/walk.ts";
import {
  ethereumOptions,
  finalRecord,
  HASTY,
  rawHashes,
  rawRecords,
  startIngest,
  until,
} from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { keptLog } from "../support/stage-bed.ts";
import { closedAfterwards } from "../support/started-nodes.ts";

/** pino's level. */
const WARNING = 40;

const nodeAt = closedAfterwards(startNode);

const first = simulateChain({ bodies: (facts) => facts.height >= 15_537_394 && facts.transactions < 120 });
const trunk = grow(first, 30);
const hashes = (blocks: readonly ChainBlock[]): readonly string[] => blocks.map((block) => block.hash);
const TAG = { kind: "tag", tag: "finalized" } as const;

describe("runIngest", () => {
  it("announces the chain from start, in order, as records that name each block", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await until("the whole chain", () => rawHashes(cluster).length === 31);
    node.follow(grow(trunk, 2));
    await until("the new head", () => rawHashes(cluster).length === 33);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(hashes(blocksOf(grow(trunk, 2))));
    const { headers, value } = rawRecords(cluster)[5]!;
    const block = at(trunk, 1005);
    expect(headers).toEqual({
      chain: "ethereum",
      height: "1005",
      hash: block.hash,
      parent: block.parent,
      time: String(block.time),
      proofs: "header,transactions,receipts,withdrawals,ommers,bloom,logs,count,senders",
      codec: "ethereum.v1",
    });
    expect(value?.length).toBeGreaterThan(1000);
    expect(run.events.at(-1)).toMatchObject({ kind: "announced", nodeHead: 1032, block: { height: 1032 } });
  });

  it("makes the same values of consensus bytes and of JSON", async () => {
    const both = await Promise.all([nodeAt(trunk), nodeAt(trunk, { raw: false })]);
    const clusters = [new MemoryCluster(), new MemoryCluster()];
    await Promise.all(
      both.map(
        (node, index) => startIngest(clusters[index]!, ethereumOptions([node.url]), { until: 1005 }).ended,
      ),
    );
    const [raw, json] = clusters.map((cluster) =>
      rawRecords(cluster).map((record) => Buffer.from(record.value!).toString("base64")),
    );
    expect(raw).toEqual(json);
    expect(both[0]?.calls.get("eth_getBlockByHash")).toBeUndefined();
    expect(both[1]?.calls.get("eth_getBlockByHash")).toBe(8);
  });

  it("does not begin again where raw was deleted and final has blocks already", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    cluster.append(finalRecord(trunk.hash, { height: String(trunk.height) }));
    await expect(startIngest(cluster, ethereumOptions([node.url])).ended).rejects.toThrow(
      "topic ethereum.blocks.raw.v1 is empty, but its stage has written to it",
    );
    expect(rawHashes(cluster)).toEqual([]);
  });

  it("follows a reorg from the common ancestor, and back again", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await until("the trunk", () => rawHashes(cluster).length === 31);
    const rival = fork(trunk, 12, "b");
    node.follow(rival);
    await until("the rival branch", () => rawHashes(cluster).at(-1) === rival.hash);
    const returned = grow(trunk, 2);
    node.follow(returned);
    await until("the way back", () => rawHashes(cluster).at(-1) === returned.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(
      hashes([...blocksOf(trunk), ...blocksOf(rival).slice(-13), ...blocksOf(returned).slice(-14)]),
    );
  });

  it("goes on after a restart where raw ends, across a reorg that happened meanwhile", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    await startIngest(cluster, ethereumOptions([node.url]), { until: 1028 }).ended;
    const rival = fork(trunk, 3, "b");
    node.follow(rival);
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await until("the rival branch", () => rawHashes(cluster).at(-1) === rival.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(hashes([...blocksOf(trunk), ...blocksOf(rival).slice(-4)]));
  });

  it.each([990, 1010, 2000])(
    "goes on where the chain has begun when start becomes %i, and says so",
    async (start) => {
      const node = await nodeAt(trunk);
      const cluster = new MemoryCluster();
      await startIngest(cluster, ethereumOptions([node.url]), { until: 1020 }).ended;
      const { log, lines } = keptLog();
      const run = startIngest(cluster, ethereumOptions([node.url], { start }), { log });
      await until("the rest", () => rawHashes(cluster).length === 31);
      await run.stop();
      expect(rawHashes(cluster)).toEqual(hashes(blocksOf(trunk)));
      const said = lines.filter(({ level }) => level === WARNING);
      expect(said.map(({ start, begun }) => ({ start, begun }))).toEqual([{ start, begun: 1000 }]);
    },
  );

  it("takes a lagging node, or a head that it can't serve, for no news", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await until("the trunk", () => rawHashes(cluster).length === 31);
    const looks = () => node.calls.get("eth_getBlockByNumber") ?? 0;
    for (const trouble of [() => node.lag(5), () => node.runAhead(1), () => node.runAhead(4)]) {
      node.heal();
      trouble();
      const before = looks();
      await until("some looks", () => looks() > before + 12);
    }
    node.heal();
    node.follow(grow(trunk, 1));
    await until("the next block", () => rawHashes(cluster).length === 32);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(hashes(blocksOf(grow(trunk, 1))));
  });

  it("begins at the node's head where start is latest", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url], { start: "latest" }));
    await until("the head", () => rawHashes(cluster).length === 1);
    node.follow(grow(trunk, 1));
    await until("the next block", () => rawHashes(cluster).length === 2);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(hashes(blocksOf(grow(trunk, 1)).slice(-2)));
  });

  it("begins anew at start when a rival takes the first block's place", async () => {
    const node = await nodeAt(back(trunk, 28));
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url], { start: 1001 }));
    await until("two blocks", () => rawHashes(cluster).length === 2);
    const rival = grow(first, 3, "r");
    node.follow(rival);
    await until("the rival", () => rawHashes(cluster).at(-1) === rival.hash);
    await run.stop();
    expect(rawHashes(cluster).slice(2)).toEqual(hashes(blocksOf(rival).slice(1)));
  });
});

describe("the node's finalized block", () => {
  it("is told by the head again when it moves, and at each start", async () => {
    const node = await nodeAt(trunk, { finalized: { kind: "depth", depth: 10 } });
    const cluster = new MemoryCluster();
    const options = ethereumOptions([node.url], { policy: TAG, start: 1028 });
    const run = startIngest(cluster, options);
    await until("three blocks", () => rawHashes(cluster).length === 3);
    node.finalize({ kind: "depth", depth: 4 });
    await until("the head again", () => rawHashes(cluster).length === 4);
    await run.stop();
    const again = startIngest(cluster, options);
    await until("the head at the start", () => rawHashes(cluster).length === 5);
    await again.stop();
    const named = (height: number) => `${height}:${at(trunk, height).hash}`;
    expect(rawRecords(cluster).map(({ headers }) => [headers["height"], headers["finalized"]])).toEqual([
      ["1028", named(1020)],
      ["1029", named(1020)],
      ["1030", named(1020)],
      ["1030", named(1026)],
      ["1030", named(1026)],
    ]);
  });
});

describe("copies and ends", () => {
  it("a second copy waits and takes over when the first one dies", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const one = startIngest(cluster, ethereumOptions([node.url]));
    await until("the trunk", () => rawHashes(cluster).length === 31);
    const two = startIngest(cluster, ethereumOptions([node.url]));
    one.broker.kill();
    await expect(one.ended).rejects.toMatchObject({ name: "Fenced" });
    node.follow(grow(trunk, 2));
    await until("the new blocks", () => rawHashes(cluster).length === 33);
    await two.stop();
    expect(rawHashes(cluster)).toEqual(hashes(blocksOf(grow(trunk, 2))));
  });

  it("ends at once when it is told to, also while a node hangs", async () => {
    const node = await nodeAt(trunk);
    node.hang();
    const endless = { ...HASTY, smallAnswerMs: 600_000 };
    const run = startIngest(new MemoryCluster(), ethereumOptions([node.url]), { limits: endless });
    await until("a question", () => node.calls.size > 0);
    await run.stop();
  });

  it("writes nothing on a chain of another id", async () => {
    const node = await nodeAt(trunk, { chainId: 5 });
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await expect(run.ended).rejects.toThrow(NodesUnreachable);
    await expect(run.ended).rejects.toThrow(/chain id 5 instead of 1/);
    expect(rawHashes(cluster)).toEqual([]);
  });
});
