import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import { flowsFromJson } from "../../../stream/flow/json.ts";
import { findIncident } from "../../../stream/kafka/incident.ts";
import { rewind } from "../../../stream/kafka/rewind.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import {
  announce,
  grow,
  HOURS,
  oracle,
  POLICY,
  rewindTo,
  settle,
  table,
} from "../../support/rewind-story.ts";
import { stageContext, TOPICS } from "../../support/stage-bed.ts";

describe("a finality violation and its repair", () => {
  test("an incident names both blocks and the fork; after the rewind all topics go on with the new branch", async () => {
    const cluster = new MemoryCluster();
    const first = root(5);
    const honest = [first, ...grow(first, 30, "a")];
    announce(cluster, honest);
    await settle(cluster, "gate", "flows", "aggregate");
    const fork = honest[20] as BlockHeader;
    const rival = grow(fork, 14, "b");
    announce(cluster, rival);
    const [ending] = await settle(cluster, "gate");
    expect(ending).toMatchObject({ kind: "failed", error: { name: "FinalityViolation" } });

    const committed = cluster.committed("gate-story");
    const found = await findIncident(stageContext(cluster.connect()), POLICY, committed);
    expect(found).toMatchObject({
      kind: "finality violation",
      released: { height: 26, hash: "a26" },
      rival: { height: 26, hash: "b26" },
      rawOffset: 62,
      fork: { height: 25, hash: "a25" },
      newest: { height: 33, hash: "a33" },
    });
    expect(await rewindTo(cluster, 25)).toEqual({ rewinds: 1, to: { height: 25, hash: "a25" }, blocks: 8 });
    expect(
      await findIncident(stageContext(cluster.connect()), POLICY, cluster.committed("gate-story")),
    ).toBeUndefined();
    expect(await rewindTo(cluster, 25)).toMatchObject({ rewinds: 1, blocks: 0 });

    await settle(cluster, "flows", "aggregate");
    expect(table(cluster)).toEqual(oracle(honest.slice(0, 21)));
    expect(await settle(cluster, "gate", "flows", "aggregate")).toEqual(Array(3).fill({ kind: "rested" }));
    expect(
      cluster.records(TOPICS.flows).map((one) => flowsFromJson(Buffer.from(one.value ?? "").toString()).hash),
    ).toEqual([
      ...honest.slice(0, 29).map((block) => block.hash),
      "a25",
      ...rival.slice(0, 12).map((block) => block.hash),
    ]);
    expect(table(cluster)).toEqual(oracle([...honest.slice(0, 21), ...rival.slice(0, 12)]));
  });

  test("whatever is announced, rewound and restarted, the hours are those of the branch that is final in the end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            fork: fc.nat(24),
            length: fc.integer({ min: 1, max: 30 }),
            lower: fc.nat(6),
            lag: fc.nat(2),
          }),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        async (forks) => {
          const cluster = new MemoryCluster();
          let chain: readonly BlockHeader[] = [root(0), ...grow(root(0), 30, "a")];
          announce(cluster, chain);
          await settle(cluster, "gate", "flows", "aggregate");
          for (const [turn, { fork, length, lower, lag }] of forks.entries()) {
            const at = Math.max(0, Math.min(fork, chain.length - 4));
            const rival = grow(chain[at] as BlockHeader, length, "bcd"[turn] ?? "e");
            announce(cluster, rival);
            await settle(cluster, "gate");
            const released = Math.max(
              ...cluster
                .records(TOPICS.final)
                .slice(-1)
                .map((one) => Number(one.headers["height"])),
            );
            chain = [...chain.slice(0, at + 1), ...rival];
            const to = Math.max(0, at - lower);
            if (released > to) await rewindTo(cluster, to);
            await settle(cluster, ...(["gate", "flows", "aggregate"] as const).slice(0, 1 + lag));
          }
          const longer = grow(chain.at(-1) as BlockHeader, 5, "z");
          announce(cluster, longer);
          chain = [...chain, ...longer];
          expect(await settle(cluster, "gate", "flows", "aggregate")).toEqual(
            Array(3).fill({ kind: "rested" }),
          );
          expect(table(cluster)).toEqual(oracle(chain.slice(0, -2)));
        },
      ),
      { numRuns: 60 },
    );
  });
});

test("a gate whose group's offset was lost or put back after a rewind goes on behind it, and finds no incident", async () => {
  const story = async () => {
    const cluster = new MemoryCluster();
    const honest = [root(5), ...grow(root(5), 30, "a")];
    announce(cluster, honest);
    await settle(cluster, "gate");
    announce(cluster, grow(honest[20] as BlockHeader, 14, "b"));
    await settle(cluster, "gate");
    await rewindTo(cluster, 25);
    return cluster;
  };
  const undisturbed = await story();
  await settle(undisturbed, "gate");
  for (const settled of [false, true]) {
    for (const offset of [undefined, 0, 40, 62]) {
      const cluster = await story();
      if (settled) await settle(cluster, "gate");
      cluster.group("gate-story").offset = offset;
      const context = stageContext(cluster.connect());
      expect(await findIncident(context, POLICY, offset)).toBeUndefined();
      expect(await settle(cluster, "gate")).toEqual([{ kind: "rested" }]);
      expect(cluster.records(TOPICS.final)).toEqual(undisturbed.records(TOPICS.final));
    }
  }
});

test("where the node lied, a rewind to the newest final block passes over the lie and takes nothing back", async () => {
  const cluster = new MemoryCluster();
  const honest = [root(5), ...grow(root(5), 30, "a")];
  announce(cluster, [...honest, ...grow(honest[20] as BlockHeader, 12, "lie")]);
  await settle(cluster, "gate", "flows", "aggregate");
  const later = grow(honest[30] as BlockHeader, 6, "a");
  announce(cluster, [...honest.slice(21), ...later]);
  expect((await settle(cluster, "gate"))[0]).toMatchObject({ kind: "failed" });
  const found = await findIncident(stageContext(cluster.connect()), POLICY, cluster.committed("gate-story"));
  expect(found).toMatchObject({ rival: { hash: "lie26" }, fork: { height: 33, hash: "a33" } });
  expect(found?.newest).toEqual(found?.fork);
  expect(await rewindTo(cluster, 33)).toEqual({ rewinds: 1, to: { height: 33, hash: "a33" }, blocks: 0 });
  expect(await settle(cluster, "gate", "flows", "aggregate")).toEqual(Array(3).fill({ kind: "rested" }));
  expect(table(cluster)).toEqual(oracle([...honest, ...later].slice(0, -2)));
});

describe("a rewind that is killed", () => {
  test("is there or it is not, at each of its effects; called again it is there", async () => {
    for (let crashAt = 1; crashAt < 14; crashAt += 1) {
      const cluster = new MemoryCluster();
      const honest = [root(5), ...grow(root(5), 30, "a")];
      announce(cluster, honest);
      await settle(cluster, "gate", "flows", "aggregate");
      const rival = grow(honest[20] as BlockHeader, 14, "b");
      announce(cluster, rival);
      await settle(cluster, "gate");
      let effects = 0;
      const broker = cluster.connect(({ kind }) => {
        effects += kind === "read" ? 0 : 1;
        if (effects === crashAt) throw new Error("killed");
      });
      await rewind(stageContext(broker), 20, HOURS).catch(() => undefined);
      broker.kill();
      await settle(cluster, "flows", "aggregate");
      expect((await rewindTo(cluster, 20)).to).toEqual({ height: 20, hash: "a20" });
      await settle(cluster, "gate", "flows", "aggregate");
      expect(table(cluster)).toEqual(oracle([...honest.slice(0, 21), ...rival.slice(0, 12)]));
    }
  });
});

describe("what can't be rewound is refused, and nothing is changed", () => {
  test.each([
    [4, /final topic begins with block 5/],
    [34, /newest final block is 33/],
    [26, /leaves the final blocks below/],
  ])("to %i", async (height, reason) => {
    const cluster = new MemoryCluster();
    const honest = [root(5), ...grow(root(5), 30, "a")];
    announce(cluster, [...honest, ...grow(honest[20] as BlockHeader, 14, "b")]);
    await settle(cluster, "gate");
    const before = cluster.records(TOPICS.raw).length + cluster.records(TOPICS.final).length;
    await expect(rewindTo(cluster, height)).rejects.toThrow(reason);
    expect(cluster.records(TOPICS.raw).length + cluster.records(TOPICS.final).length).toBe(before);
  });

  test("where flows or raw were lost", async () => {
    const cluster = new MemoryCluster();
    const honest = [root(5), ...grow(root(5), 30, "a")];
    announce(cluster, [...honest, ...grow(honest[20] as BlockHeader, 14, "b")]);
    await settle(cluster, "gate", "flows", "aggregate");
    cluster.truncate(TOPICS.flows, 20);
    await expect(rewindTo(cluster, 10)).rejects.toThrow(/flows topic lost records/);
    cluster.truncate(TOPICS.raw, 40);
    await expect(rewindTo(cluster, 10)).rejects.toThrow(/raw does not reach back to block 11/);
  });
});
