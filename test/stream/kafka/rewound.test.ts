import { expect, test } from "vitest";
import { OffsetOutOfRange } from "../../../stream/kafka/errors.ts";
import { lowestRewind } from "../../../stream/kafka/rewound.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { announce, grow, rewindTo, settle } from "../../support/rewind-story.ts";
import { TOPICS } from "../../support/stage-bed.ts";

test("the lowest of the rewinds that a store has missed is found however far back it stands", async () => {
  const cluster = new MemoryCluster();
  const chain = [root(5), ...grow(root(5), 700, "a")];
  announce(cluster, chain.slice(0, 31));
  await settle(cluster, "gate", "flows");
  for (const height of [20, 12, 30]) {
    await rewindTo(cluster, height);
    await settle(cluster, "gate", "flows");
  }
  announce(cluster, chain.slice(31));
  await settle(cluster, "gate", "flows");
  const broker = cluster.connect();
  const found = async (since: number, to = 3) =>
    (await lowestRewind(broker, TOPICS.flows, { since, to })).height;
  expect([await found(0), await found(1), await found(2)]).toEqual([12, 12, 30]);
  expect([await found(0, 1), await found(0, 2)]).toEqual([20, 12]);
  const [first] = cluster.records(TOPICS.flows).filter(({ key }) => key === "rewind");
  cluster.truncate(TOPICS.flows, (first?.offset ?? 0) + 1);
  expect(await found(1)).toBe(12);
  await expect(found(0)).rejects.toThrow(OffsetOutOfRange);
});
