import { describe, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import type { FinalityPolicy } from "../../../stream/finality.ts";
import { reorgFromJson } from "../../../stream/flow/json.ts";
import { AnnouncementGap, FinalityViolation, runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext, StageEvent } from "../../../stream/kafka/stage.ts";
import { grow, root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import {
  type BedOptions,
  contentOf,
  finalRecord,
  keptLog,
  rawRecord,
  runToRest,
  TOPICS,
} from "../../support/stage-bed.ts";

const THREE: FinalityPolicy = { kind: "confirmations", confirmations: 3 };
const TAG: FinalityPolicy = { kind: "tag", tag: "finalized" };
const genesis = root();

function announceAll(cluster: MemoryCluster, ...blocks: readonly BlockHeader[]): void {
  for (const block of blocks) cluster.append(rawRecord(block));
}

function gate(
  cluster: MemoryCluster,
  policy: FinalityPolicy,
  options: BedOptions & { crashAt?: number } = {},
) {
  const run = (context: StageContext) => runGate(context, policy);
  return runToRest(cluster, { run, input: TOPICS.raw }, options);
}

const finalHashes = (cluster: MemoryCluster) => cluster.records(TOPICS.final).map((record) => record.key);
const reorgs = (cluster: MemoryCluster) =>
  cluster
    .records(TOPICS.reorgs)
    .map((record) => reorgFromJson(Buffer.from(record.value ?? []).toString("utf8")));

describe("what the gate releases", () => {
  test("a block at its third confirmation, with the bytes and headers that it was announced with, and where raw goes on", async () => {
    const cluster = new MemoryCluster();
    const [a1, a2, a3] = grow(genesis, 3, "a") as [BlockHeader, BlockHeader, BlockHeader];
    announceAll(cluster, genesis, a1);
    expect(await gate(cluster, THREE)).toEqual({ kind: "rested" });
    expect(finalHashes(cluster)).toEqual([]);
    announceAll(cluster, a2, a3);
    expect(await gate(cluster, THREE)).toEqual({ kind: "rested" });
    expect(cluster.records(TOPICS.final).map(contentOf)).toEqual(
      [
        { ...genesis, offset: 0 },
        { ...a1, offset: 2 },
      ]
        .map(finalRecord)
        .map(contentOf),
    );
  });

  test("the node's finalized block and what is below it, without the header that said so", async () => {
    const cluster = new MemoryCluster();
    const chain = grow(genesis, 3, "a");
    cluster.append(rawRecord(genesis), ...chain.map((block) => rawRecord(block)));
    cluster.append(rawRecord(chain[2] as BlockHeader, chain[1]));
    await gate(cluster, TAG);
    expect(cluster.records(TOPICS.final).map(contentOf)).toEqual(
      [genesis, ...chain.slice(0, 2)].map((block, offset) => contentOf(finalRecord({ ...block, offset }))),
    );
  });

  test("never an orphaned block; the reorg is told once", async () => {
    const cluster = new MemoryCluster();
    const old = grow(genesis, 2, "a");
    const rival = grow(genesis, 4, "b");
    announceAll(cluster, genesis, ...old, ...rival);
    const events: StageEvent[] = [];
    const incidents = keptLog();
    // genesis is final when a2 is announced, so b1 branches off right above it.
    await gate(cluster, THREE, { report: (event) => events.push(event), log: incidents.log });
    expect(finalHashes(cluster)).toEqual([genesis.hash, "b1", "b2"]);
    expect(reorgs(cluster)).toEqual([
      {
        rawOffset: 6,
        oldTip: { height: 2, hash: "a2" },
        newTip: { height: 1, hash: "b1" },
        ancestor: { height: 0, hash: genesis.hash },
        depth: 2,
        orphaned: [old[1], old[0]],
      },
    ]);
    expect(events).toEqual([
      { kind: "released", block: { height: 0, hash: genesis.hash }, tip: 2 },
      { kind: "reorg", depth: 2, newTip: { height: 1, hash: "b1" }, orphaned: [old[1], old[0]] },
      { kind: "released", block: { height: 1, hash: "b1" }, tip: 3 },
      { kind: "released", block: { height: 2, hash: "b2" }, tip: 4 },
    ]);
    expect(incidents.lines).toEqual([]);
    await gate(cluster, THREE);
    expect(reorgs(cluster)).toHaveLength(1);
  });

  test("holds the offset of the oldest unfinalized announcement, and the next one where none is left", async () => {
    const cluster = new MemoryCluster();
    announceAll(cluster, genesis, ...grow(genesis, 3, "a"));
    await gate(cluster, THREE);
    // Each announcement was a transaction of its own, so a marker follows each record: a2 stands at 4.
    expect(cluster.committed("gate-story")).toBe(4);
    const bare = new MemoryCluster();
    announceAll(bare, genesis, ...grow(genesis, 3, "a"));
    await gate(bare, { kind: "confirmations", confirmations: 1 });
    expect(bare.committed("gate-story")).toBe(7);
  });

  test.each([undefined, 0, 3, 100])(
    "goes on where final ends when the group's offset is %s",
    async (offset) => {
      const cluster = new MemoryCluster();
      const chain = grow(genesis, 200, "a");
      announceAll(cluster, genesis, ...grow(genesis, 2, "x"), ...chain.slice(0, 150));
      await gate(cluster, THREE);
      cluster.group("gate-story").offset = offset;
      announceAll(cluster, ...chain.slice(150));
      expect(await gate(cluster, THREE)).toEqual({ kind: "rested" });
      expect(finalHashes(cluster)).toEqual([genesis, ...chain.slice(0, 198)].map((block) => block.hash));
      expect(reorgs(cluster)).toHaveLength(1);
    },
  );
});

describe("--until", () => {
  test("releases up to the height and nothing above, whatever the policy says, and a later run goes on", async () => {
    const cluster = new MemoryCluster();
    const chain = grow(genesis, 6, "a");
    announceAll(cluster, genesis, ...chain);
    expect(await gate(cluster, THREE, { until: 2 })).toEqual({ kind: "rested" });
    expect(finalHashes(cluster)).toEqual([genesis.hash, "a1", "a2"]);
    expect(await gate(cluster, THREE)).toEqual({ kind: "rested" });
    expect(finalHashes(cluster)).toEqual([genesis.hash, "a1", "a2", "a3", "a4"]);
  });

  test("cuts through a release of many at once", async () => {
    const cluster = new MemoryCluster();
    const chain = grow(genesis, 6, "a");
    cluster.append(rawRecord(genesis), ...chain.map((block) => rawRecord(block)));
    cluster.append(rawRecord(chain[5] as BlockHeader, chain[4]));
    await gate(cluster, TAG, { until: 3 });
    expect(finalHashes(cluster)).toEqual([genesis.hash, "a1", "a2", "a3"]);
    await gate(cluster, TAG);
    expect(finalHashes(cluster)).toEqual([genesis.hash, "a1", "a2", "a3", "a4", "a5"]);
  });

  test("returns at once when it is past, even while another copy works", async () => {
    const cluster = new MemoryCluster();
    announceAll(cluster, genesis, ...grow(genesis, 6, "a"));
    await gate(cluster, THREE);
    const other = cluster.connect();
    await other.claim({ group: "gate-story", topic: TOPICS.raw }, new AbortController().signal);
    expect(await gate(cluster, THREE, { until: 3 })).toEqual({ kind: "rested" });
  });
});

describe("a chain that halts", () => {
  test("writes what came before, then names both blocks, and says the same at the next start", async () => {
    const cluster = new MemoryCluster();
    announceAll(cluster, genesis, ...grow(genesis, 4, "a"), ...grow(genesis, 1, "z"));
    const violation = new FinalityViolation(
      { height: 1, hash: "a1" as never },
      { height: 1, hash: "z1" as never },
    );
    for (const start of ["first", "second"]) {
      const { log, lines } = keptLog();
      expect(await gate(cluster, THREE, { log }), start).toEqual({ kind: "failed", error: violation });
      expect(finalHashes(cluster), start).toEqual([genesis.hash, "a1", "a2"]);
      expect(lines, start).toMatchObject([
        {
          level: 50,
          msg: "incident",
          rawOffset: 10,
          released: { height: 1, hash: "a1" },
          rival: { height: 1, hash: "z1" },
        },
      ]);
      // The context's logger names the chain already, and a JSON line must not have a key twice.
      expect(lines[0], start).not.toHaveProperty("chain");
    }
  });

  test("stops at a block whose parent was never announced", async () => {
    const cluster = new MemoryCluster();
    const [, a2] = grow(genesis, 2, "a") as [BlockHeader, BlockHeader];
    announceAll(cluster, genesis, a2);
    const { log, lines } = keptLog();
    expect(await gate(cluster, THREE, { log })).toEqual({
      kind: "failed",
      error: new AnnouncementGap({ height: 2, hash: a2.hash }, a2.parent),
    });
    expect(lines).toMatchObject([
      { msg: "incident", rawOffset: 2, rival: { height: 2, hash: "a2" }, unknownParent: "a1" },
    ]);
  });

  test("final that came from another chain is an incident, not overwritten", async () => {
    const cluster = new MemoryCluster();
    const foreign = grow(genesis, 1, "f");
    cluster.append(finalRecord(genesis), ...foreign.map((block) => finalRecord({ ...block, offset: 2 })));
    announceAll(cluster, genesis, ...grow(genesis, 4, "a"));
    const ending = await gate(cluster, THREE);
    expect(ending).toEqual({
      kind: "failed",
      error: new FinalityViolation({ height: 1, hash: "f1" as never }, { height: 2, hash: "a2" as never }),
    });
    expect(finalHashes(cluster)).toEqual([genesis.hash, "f1"]);
  });
});
