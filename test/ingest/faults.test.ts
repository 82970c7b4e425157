import { describe, expect, it } from "vitest";
import { NODE_LIMITS } from "../../ingest/limits.ts";
import { NodesUnreachable } from "../../ingest/nodes.ts";
import { fork, grow, simulateChain } from "../chain/chain.ts";
import { FAULTS, type Fault } from "../chain/faults.ts";
import { startNode } from "../chain/node.ts";
import { at, blocksOf } from "../chain/walk.ts";
import { ethereumOptions, HASTY, rawHashes, startIngest, until } from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { closedAfterwards } from "../support/started-nodes.ts";

const nodeAt = closedAfterwards(startNode);

const small = (facts: { height: number; transactions: number }) =>
  facts.height >= 15_537_394 && facts.transactions < 120;
const trunk = grow(simulateChain({ bodies: small }), 8);
const all = blocksOf(trunk).map((block) => block.hash);
const PATIENT = { ...HASTY, outageMs: 20_000, smallAnswerMs: 1_000, bodyAnswerMs: 1_000 };

describe("faults of the wire", () => {
  it.each(FAULTS)("%s: one node that fails for a while is asked until it answers", async (fault) => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]), { limits: PATIENT });
    await until("some blocks", () => rawHashes(cluster).length === 9);
    // One more refusal than this and a lone node is given up, which another test shows.
    node.fail(fault, fault === "401" || fault === "403" ? 2 : 5);
    const next = grow(trunk, 3);
    node.follow(next);
    await until("the blocks above", () => rawHashes(cluster).at(-1) === next.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(blocksOf(next).map((block) => block.hash));
  });

  it.each(FAULTS.filter((fault) => fault !== "out of order"))(
    "%s: a node that fails for ever is replaced by the next one",
    async (fault) => {
      const bad = await nodeAt(trunk);
      const good = await nodeAt(trunk);
      bad.fail(fault);
      const cluster = new MemoryCluster();
      const run = startIngest(cluster, ethereumOptions([bad.url, good.url]), {
        until: 1006,
        limits: PATIENT,
      });
      await run.ended;
      expect(rawHashes(cluster)).toEqual(all);
      if (fault !== "refused" && fault !== "short" && fault !== "doubled") {
        expect(good.calls.get("debug_getRawBlock")).toBeGreaterThanOrEqual(9);
      }
    },
  );

  /** A batch that comes out of order is put in order, and one that a node refuses or answers wrongly is asked call by call. */
  const MENDED: readonly Fault[] = ["out of order", "short", "doubled", "refused"];

  it.concurrent.each(FAULTS.filter((fault) => !MENDED.includes(fault)))(
    "%s: a lone node that fails for ever ends ingest by its name, with nothing written",
    async (fault) => {
      const node = await nodeAt(trunk);
      const cluster = new MemoryCluster();
      node.fail(fault);
      const limits = { ...HASTY, smallAnswerMs: 300, bodyAnswerMs: 300 };
      const error = await startIngest(cluster, ethereumOptions([node.url]), { limits }).ended.catch(String);
      expect(error).toMatch(/^NodesUnreachable: /);
      expect(error).toContain(`127.0.0.1:${node.port}: `);
      expect(rawHashes(cluster)).toEqual([]);
    },
  );

  it("goes on when the only node is gone for a while", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]), { limits: PATIENT });
    await until("some blocks", () => rawHashes(cluster).length === 9);
    await node.close();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await nodeAt(grow(trunk, 1), { port: node.port });
    await until("the next block", () => rawHashes(cluster).length === 10);
    await run.stop();
  });

  it("ends with NodesUnreachable when no node gives a good answer for too long, and names the nodes", async () => {
    const node = await nodeAt(trunk);
    node.fail("500");
    const gone = await startNode(trunk);
    await gone.close();
    const run = startIngest(new MemoryCluster(), ethereumOptions([node.url, gone.url]));
    await expect(run.ended).rejects.toThrow(NodesUnreachable);
    await expect(run.ended).rejects.toThrow(
      `no good answer for 1.5 s (127.0.0.1:${node.port}: HTTP 500 no; 127.0.0.1:${gone.port}: connect ECONNREFUSED`,
    );
    expect(NODE_LIMITS.outageMs).toBe(300_000);
  });

  it("ends soon when every node refuses us", async () => {
    const nodes = [await nodeAt(trunk), await nodeAt(trunk, { chainId: 11155111 })];
    nodes[0]?.fail("401");
    const run = startIngest(new MemoryCluster(), ethereumOptions(nodes.map((node) => node.url)), {
      limits: PATIENT,
    });
    await expect(run.ended).rejects.toThrow(/HTTP 401 no; .*chain id 11155111 instead of 1/);
  });

  it("has no use for a node without traces where traces are wanted, and says so", async () => {
    const node = await nodeAt(trunk, { traces: false });
    const run = startIngest(new MemoryCluster(), ethereumOptions([node.url], { traces: true }));
    await expect(run.ended).rejects.toThrow(
      /debug_traceBlockByHash.*"traces": true needs a node that offers it/,
    );
  });
});

describe("answers that are not the block asked for", () => {
  it("null for a block is no lie: it is asked for until it comes", async () => {
    const node = await nodeAt(trunk);
    node.lie("null block", { height: 1004 });
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]), { until: 1006, limits: PATIENT });
    await until("what stands before it", () => rawHashes(cluster).length === 4);
    await new Promise((resolve) => setTimeout(resolve, 100));
    node.heal();
    await run.ended;
    expect(rawHashes(cluster)).toEqual(all);
  });

  it("null for ever ends like any other outage", async () => {
    const node = await nodeAt(trunk);
    node.lie("null block", { height: 1004 });
    const run = startIngest(new MemoryCluster(), ethereumOptions([node.url]), { until: 1006 });
    await expect(run.ended).rejects.toThrow(`no node has block 1004 ${at(trunk, 1004).hash} for 1.5 s`);
  });

  it.each(["wrong parent", "wrong hash", "wrong height", "missing field"] as const)(
    "%s in a header: the next node's chain is announced",
    async (lie) => {
      const liar = await nodeAt(trunk);
      const honest = await nodeAt(trunk);
      liar.lie(lie, { height: 1004, headers: true });
      const cluster = new MemoryCluster();
      const nodes = [liar.url, honest.url];
      await startIngest(cluster, ethereumOptions(nodes), { until: 1006, limits: PATIENT }).ended;
      expect(rawHashes(cluster)).toEqual(all);
    },
  );

  it("headers that do not link are a failed proof", async () => {
    const node = await nodeAt(trunk);
    node.lie("wrong parent", { height: 1004, headers: true });
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.url]));
    await expect(run.ended).rejects.toMatchObject({ name: "ProofFailed", proof: "header", height: 1004 });
    expect(rawHashes(cluster)).toEqual(all.slice(0, rawHashes(cluster).length));
  });

  it("a head that no node has does not keep us from the next node's chain", async () => {
    const dreamer = await nodeAt(trunk);
    const awake = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([dreamer.url, awake.url]), { limits: PATIENT });
    await until("the trunk", () => rawHashes(cluster).length === 9);
    dreamer.runAhead(1);
    const next = grow(trunk, 2);
    awake.follow(next);
    await until("the next blocks", () => rawHashes(cluster).at(-1) === next.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(blocksOf(next).map((block) => block.hash));
  });

  it("a node that stands still does not keep us from the next node's chain", async () => {
    const still = await nodeAt(trunk);
    const awake = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const limits = { ...PATIENT, staleMs: 200 };
    const run = startIngest(cluster, ethereumOptions([still.url, awake.url]), { limits });
    await until("the trunk", () => rawHashes(cluster).length === 9);
    const next = grow(trunk, 2);
    awake.follow(next);
    await until("the next blocks", () => rawHashes(cluster).at(-1) === next.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual(blocksOf(next).map((block) => block.hash));
  });
});

describe("over WebSockets", () => {
  it("announces a new head as soon as the node tells of it, across a cut connection and a reorg", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.wsUrl], { pollMs: 60_000 }), { limits: PATIENT });
    await until("the trunk", () => rawHashes(cluster).length === 9);
    const next = grow(trunk, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    node.follow(next);
    await until("the next block", () => rawHashes(cluster).length === 10);
    const rival = fork(next, 3, "b");
    node.follow(rival);
    await until("the rival branch", () => rawHashes(cluster).at(-1) === rival.hash);
    await run.stop();
    expect(rawHashes(cluster)).toEqual([
      ...all,
      next.hash,
      ...blocksOf(rival)
        .slice(-4)
        .map((block) => block.hash),
    ]);
  });

  it("survives cut connections", async () => {
    const node = await nodeAt(trunk);
    const cluster = new MemoryCluster();
    const run = startIngest(cluster, ethereumOptions([node.wsUrl]), { limits: PATIENT });
    await until("the trunk", () => rawHashes(cluster).length === 9);
    node.cut();
    const next = grow(trunk, 2);
    node.follow(next);
    await until("the next blocks", () => rawHashes(cluster).at(-1) === next.hash);
    await run.stop();
  });
});
