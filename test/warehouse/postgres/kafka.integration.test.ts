import { afterAll, beforeAll, expect, it } from "vitest";
import type { Broker, Writer } from "../../../stream/kafka/broker.ts";
import { openBroker } from "../../../stream/kafka/client.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { testKafka } from "../../services.ts";
import { contents } from "./contents.ts";
import { startServer, type TestServer } from "./server.ts";
import { block, contextOn, hashOf, recordsOf, reorg, START, silent, TOPICS } from "./story.ts";

let server: TestServer;
let kafka: Awaited<ReturnType<typeof testKafka>>;
let broker: Broker;
beforeAll(async () => {
  [server, kafka] = await Promise.all([startServer(), testKafka()]);
  broker = await openBroker({ brokers: kafka.brokers, security: {}, log: silent });
  await broker.ensureTopics(topicSpecs(Object.values(TOPICS), 1));
});
afterAll(async () => {
  await broker?.close();
  await Promise.all([server?.stop(), kafka?.stop()]);
});

const blocks = Array.from({ length: 40 }, (_, index) =>
  block(100 + index, START + 600 * index, [{ flowType: "inflow", amount: BigInt(index + 1), to: "binance" }]),
);

/** Each block's outcome in transactions of its own, as the stages write them. */
async function write(writer: Writer): Promise<void> {
  const lost = { height: 103, hash: hashOf("lost103"), parent: hashOf("b102"), time: START + 1900 };
  const records = recordsOf(blocks, [reorg(4, [lost], { ...lost, hash: hashOf("b103") })]);
  await writer.commit(records.reorgs);
  for (let at = 0; at < blocks.length; at += 10) {
    await writer.commit([...records.final.slice(at, at + 10), ...records.flows.slice(at, at + 10)]);
  }
  for (let at = 0; at < records.exchangeFlows.length; at += 7) {
    await writer.commit(records.exchangeFlows.slice(at, at + 7));
  }
}

it("the sink reads a real cluster's topics to their ends, stops at --until and goes on from there", async () => {
  const writer = await broker.openWriter("story");
  await write(writer);
  await writer.close();
  const parts = await server.migrated();
  const whole = await server.migrated();
  for (const until of [100, 117, 118, 139]) {
    await runPostgresSink(contextOn(broker, { until }), { url: parts.url, kind: "ethereum" });
    const [chain] = await parts.db.query("select final_height from public.chains");
    expect(chain).toEqual({ final_height: String(until) });
  }
  await runPostgresSink(contextOn(broker, { until: 139 }), { url: whole.url, kind: "ethereum" });
  const stored = await contents(parts.db);
  expect(stored).toEqual(await contents(whole.db));
  expect(stored["flow_legs"]).toHaveLength(40);
  expect(stored["reorgs"]).toHaveLength(1);
});
