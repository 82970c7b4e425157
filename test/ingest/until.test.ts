import { expect, it } from "vitest";
import { exitCodeOf } from "../../runtime/exit.ts";
import { type ChainBlock, grow, simulateChain } from "../chain/chain.ts";
import { startNode } from "../chain/node.ts";
import { at, blocksOf } from "../chain/walk.ts";
import {
  ethereumOptions,
  finalRecord,
  rawHashes,
  rawRecords,
  startIngest,
  until,
} from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { closedAfterwards } from "../support/started-nodes.ts";

const nodeAt = closedAfterwards(startNode);

const first = simulateChain({ bodies: (facts) => facts.height >= 15_537_394 && facts.transactions < 120 });
const trunk = grow(first, 30);
const hashes = (blocks: readonly ChainBlock[]): readonly string[] => blocks.map((block) => block.hash);
const TAG = { kind: "tag", tag: "finalized" } as const;

it("announces no more than the confirmations need, and nothing at all when it is past", async () => {
  const node = await nodeAt(trunk);
  const cluster = new MemoryCluster();
  await startIngest(cluster, ethereumOptions([node.url]), { until: 1010 }).ended;
  expect(rawHashes(cluster)).toEqual(hashes(blocksOf(trunk).slice(0, 13)));
  await node.close();
  await startIngest(cluster, ethereumOptions([node.url]), { until: 1010 }).ended;
  await startIngest(cluster, ethereumOptions([node.url], { start: 1011 }), { until: 1010 }).ended;
  expect(rawHashes(cluster)).toHaveLength(13);
});

it.each([
  { start: 1000, until: 999, begins: 1000 },
  { start: 1000, until: 0, begins: 1000 },
  { start: "latest", until: 1029, begins: 1030 },
  { start: "latest", until: 1000, begins: 1030 },
] as const)(
  "below where a chain begins ($until, start $start) is bad usage, and nothing is written",
  async ({ start, until, begins }) => {
    const node = await nodeAt(trunk);
    for (const policy of [ethereumOptions([]).policy, TAG]) {
      const cluster = new MemoryCluster();
      const run = startIngest(cluster, ethereumOptions([node.url], { start, policy }), { until });
      const error = await run.ended.catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: "UntilBelowBeginning", begins, until });
      expect(String(error)).toContain(`the chain begins at ${begins}, above --until ${until}: `);
      expect(exitCodeOf(error)).toBe(2);
      expect(rawHashes(cluster)).toEqual([]);
    }
  },
);

it.each([1028, 900])(
  "%i, below where the chain has begun, is bad usage while nothing is final, and past as soon as a block is",
  async (height) => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const begin = startIngest(cluster, ethereumOptions([node.url], { start: 1029 }));
    await until("two blocks", () => rawHashes(cluster).length === 2);
    await begin.stop();
    // Another start has no effect any more.
    const again = () => startIngest(cluster, ethereumOptions([node.url], { start: 5 }), { until: height });
    await expect(again().ended).rejects.toMatchObject({ name: "UntilBelowBeginning", begins: 1029 });
    const released = at(trunk, 1029).hash;
    cluster.append(finalRecord(released, { height: "1029" }));
    await again().ended;
    expect(rawHashes(cluster)).toEqual(hashes(blocksOf(trunk).slice(-2)));
  },
);

it("counts nothing of a branch that a rewind passed over, and is past where the height is final", async () => {
  const node = await nodeAt(grow(at(trunk, 1005), 11, "lie"));
  const cluster = new MemoryCluster();
  const follow = (height: number) => startIngest(cluster, ethereumOptions([node.url]), { until: height });
  await follow(1014).ended;
  node.follow(at(trunk, 1007));
  const back = startIngest(cluster, ethereumOptions([node.url]));
  await until("the other branch", () => rawHashes(cluster).at(-1) === at(trunk, 1007).hash);
  await back.stop();
  const gateNext = rawRecords(cluster).findLast(({ headers }) => headers["height"] === "1006")?.offset;
  cluster.append(finalRecord(at(trunk, 1005).hash, { height: "1005", "raw-next": String(gateNext) }));
  node.follow(trunk);
  await follow(1010).ended;
  expect(rawHashes(cluster).slice(-5)).toEqual(hashes(blocksOf(trunk).slice(8, 13)));
  const held = rawHashes(cluster).length;
  cluster.append(finalRecord(at(trunk, 1014).hash, { height: "1014", "raw-next": "1000" }));
  await follow(1014).ended;
  expect(rawHashes(cluster)).toHaveLength(held);
});

it("with the node's finalized block: each backfilled block names itself, and the last is the height", async () => {
  const node = await nodeAt(trunk, { finalized: { kind: "depth", depth: 10 } });
  const cluster = new MemoryCluster();
  await startIngest(cluster, ethereumOptions([node.url], { policy: TAG }), { until: 1020 }).ended;
  expect(rawRecords(cluster).map((record) => record.headers["finalized"])).toEqual(
    blocksOf(trunk)
      .slice(0, 21)
      .map((block) => `${block.height}:${block.hash}`),
  );
});

it("waits for the finalized block and announces the same head again", async () => {
  const node = await nodeAt(trunk, { finalized: { kind: "unknown" } });
  const cluster = new MemoryCluster();
  const run = startIngest(cluster, ethereumOptions([node.url], { policy: TAG }), { until: 1004 });
  await until("the height", () => rawHashes(cluster).length === 5);
  node.finalize({ kind: "depth", depth: 28 });
  await until("the first news", () => rawHashes(cluster).length === 6);
  node.finalize({ kind: "depth", depth: 5 });
  await run.ended;
  const block = at(trunk, 1004);
  expect(rawHashes(cluster).slice(4)).toEqual([block.hash, block.hash, block.hash]);
  expect(
    rawRecords(cluster)
      .slice(4)
      .map((record) => record.headers["finalized"]),
  ).toEqual([undefined, `1002:${at(trunk, 1002).hash}`, `1004:${block.hash}`]);
});
