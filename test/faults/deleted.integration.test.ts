import type { Admin } from "kafkajs";
import { afterAll, beforeAll, type ExpectStatic, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import type { Reader } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { OffsetOutOfRange, TopicMissing } from "../../stream/kafka/errors.ts";
import { topicSpecs } from "../../stream/kafka/topics.ts";
import { grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { sluice, startSluice } from "../support/sluice.ts";
import type { StoreRows } from "../support/stores.ts";
import { silent } from "../warehouse/postgres/story.ts";
import { type Bed, boundsOf, CONFIRMATIONS, ends, makeBed, openAdmin, START, storesOf } from "./bed.ts";

/** One pipeline, a chain for each topic that goes under the run. */
const CHAINS = ["ethereum", "rawless", "finalless"] as const;

const home = temporaryHome("deleted");
const tip = grow(simulateChain({ start: START }), 10);
let node: SimulatedNode;
let kafka: KafkaService;
let postgres: PostgresService;
let admin: Admin;
let bed: Bed;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([testKafka(), testPostgres()]);
  node = await startNode(tip);
  admin = await openAdmin(kafka.brokers);
  const servers = { brokers: kafka.brokers, postgres: postgres.url, node: node.url };
  bed = await makeBed("deleted", { home, ...servers }, CHAINS);
  const final = tip.height - CONFIRMATIONS + 1;
  await sluice(["run", ...CHAINS.flatMap((chain) => ["--until", `${chain}=${final}`])], bed.env);
});

afterAll(async () => {
  await admin?.disconnect();
  await node?.close();
  await Promise.all([kafka?.stop(), postgres?.stop()]);
  removeHome(home);
});

/** What is made of exchange flows; the blocks of the meantime, and their flows, may still be stored. */
function hoursIn(stores: StoreRows): StoreRows {
  return Object.fromEntries(Object.entries(stores).filter(([table]) => table.includes("hourly")));
}

/** Resolves when the stage works. `expect` is the test's own: two of them run beside each other. */
async function works(expect: ExpectStatic, stage: string, chain: string): Promise<void> {
  const members = async () =>
    (await admin.describeGroups([bed.groupOf(stage, chain)])).groups[0]?.members.length;
  await expect.poll(members, { timeout: 60_000 }).toBe(1);
}

const emptied = (topic: string) => `topic ${topic} is empty, but its stage has written to it: the topic was`;

test.concurrent("topics deleted under a run, and others after it: each end is 3 and names the topic, and no hour changes any more", async ({
  expect,
}) => {
  const { final, flows, exchangeFlows } = bed.topicsOf("ethereum");
  const { raw } = bed.topicsOf("rawless");
  const { final: otherFinal } = bed.topicsOf("finalless");
  const before = hoursIn(await storesOf(bed));
  const run = startSluice(["run"], bed.env);
  await works(expect, "aggregate", "ethereum");
  for (const stage of ["ingest", "gate"]) await works(expect, stage, "rawless");
  for (const stage of ["gate", "flows", "postgres", "parquet"]) await works(expect, stage, "finalless");
  await admin.deleteTopics({ topics: [exchangeFlows, raw, otherFinal] });
  node.follow(grow(tip, 1));
  const end = await run.ended;
  expect(end.code, end.err).toBe(3);
  // Writer and readers find out at once: the first of them ends the chain.
  for (const topic of [exchangeFlows, raw, otherFinal])
    expect(end.err).toMatch(new RegExp(`topic ${topic} (is empty, but|does not hold offset \\d+ any more)`));
  // Whoever found out first decides whether they were made anew: nothing was written into them.
  const standing = await admin.listTopics();
  for (const topic of [raw, otherFinal].filter((name) => standing.includes(name)))
    expect(await boundsOf(admin, topic)).toEqual({ low: 0, high: 0 });
  expect(await ends(bed, ["aggregate", "ethereum"], 3)).toContain(emptied(exchangeFlows));
  expect(await ends(bed, ["ingest", "rawless"], 3)).toContain(emptied(raw));
  expect(await ends(bed, ["gate", "finalless"], 3)).toContain(emptied(otherFinal));
  for (const store of ["postgres", "parquet"])
    expect(await ends(bed, ["warehouse", store, "--chain", "finalless"], 3)).toMatch(
      /finalless\.blocks\.final\.v1 does not hold offset \d+ any more; restore the topic, or start with/,
    );
  await admin.deleteTopics({ topics: [flows] });
  expect(await ends(bed, ["flows", "ethereum"], 3)).toContain(emptied(flows));
  await admin.deleteTopics({ topics: [final] });
  expect(await ends(bed, ["gate", "ethereum"], 3)).toContain(emptied(final));
  // Others that read these topics may have halted in the run.
  const told = await sluice(["incident"], bed.env);
  for (const [chain, stages] of [
    ["ethereum", ["gate", "flows", "aggregate"]],
    ["rawless", ["ingest"]],
    ["finalless", ["gate", "postgres", "parquet"]],
  ] as const)
    for (const stage of stages) expect(told).toContain(`${chain}: halted at ${stage}: topic `);
  await ends(bed, ["run"], 3);
  expect(hoursIn(await storesOf(bed))).toEqual(before);
});

test.concurrent("a topic that nobody makes anew: its reader says so instead of waiting for ever", async ({
  expect,
}) => {
  const [read, idle] = ["gone.flows.v1", "idle.flows.v1"] as const;
  const broker = await openBroker({ brokers: kafka.brokers, security: {}, log: silent });
  try {
    await broker.ensureTopics(topicSpecs([read, idle], 1));
    const writer = await broker.openWriter("gone");
    await writer.commit([{ topic: read, key: "one", value: Buffer.from("record") }]);
    await writer.close();
    const { high } = await broker.bounds(read);
    const readers = [await broker.openReader(read, 0), await broker.openReader(idle, 0)] as const;
    while (readers[0].position() < high) await readers[0].read();
    await admin.deleteTopics({ topics: [read, idle] });
    const endless = async (one: Reader) => {
      for (;;) await one.read();
    };
    await Promise.all([
      expect(endless(readers[0])).rejects.toThrow(new OffsetOutOfRange(read, high)),
      expect(endless(readers[1])).rejects.toThrow(new TopicMissing(idle)),
    ]);
    for (const reader of readers) await reader.close();
  } finally {
    await broker.close();
  }
});
