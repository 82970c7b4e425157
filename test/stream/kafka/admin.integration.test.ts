import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { type Admin } from "kafkajs";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startKafka } from "../../../runtime/services/kafka.ts";
import type { Broker } from "../../../stream/kafka/broker.ts";
import { openBroker } from "../../../stream/kafka/client.ts";
import { TopicMisconfigured } from "../../../stream/kafka/errors.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { clusterSeats, removeHome, temporaryHome, testKafka } from "../../services.ts";

let kafka: { readonly brokers: string; stop(): Promise<void> };
let broker: Broker;
let admin: Admin;

beforeAll(async () => {
  kafka = await testKafka();
  broker = await openBroker({ brokers: kafka.brokers, security: {}, log: pino({ enabled: false }) });
  admin = new kafkajs.Kafka({ brokers: [kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
});

afterAll(async () => {
  await admin?.disconnect();
  await broker?.close();
  await kafka?.stop();
});

async function settingsOf(topic: string): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  });
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
}

test("topics are made once, however many stages ask, and taken as they stand later", async () => {
  const names = ["made.blocks.raw.v1", "made.exchange-flows.v1"];
  const asks = Array.from({ length: 4 }, () => broker.ensureTopics(topicSpecs(names, 1)));
  await Promise.all(asks);
  await broker.ensureTopics(topicSpecs(names, 1));
  const raw = await settingsOf("made.blocks.raw.v1");
  const wanted = [
    "cleanup.policy",
    "retention.ms",
    "max.message.bytes",
    "message.timestamp.type",
    "compression.type",
  ];
  expect(wanted.map((name) => raw.get(name))).toEqual(["delete", "-1", "33619968", "LogAppendTime", "zstd"]);
  expect((await settingsOf("made.exchange-flows.v1")).get("cleanup.policy")).toBe("compact");
});

test("a topic with other settings is refused, and taken once the named command's settings are in force", async () => {
  const topic = "wrong.blocks.raw.v1";
  const small = { name: "max.message.bytes", value: "1048588" };
  await admin.createTopics({
    topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries: [small] }],
  });
  const specs = topicSpecs([topic], 1);
  const refused = await broker.ensureTopics(specs).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TopicMisconfigured);
  const { message } = refused as TopicMisconfigured;
  const command = `kafka-configs.sh --bootstrap-server ${kafka.brokers} --alter --entity-type topics --entity-name ${topic} --add-config `;
  expect(message).toContain(`mend it: ${command}`);
  const settings = message.slice(message.indexOf(command) + command.length).split(",");
  expect(settings).toEqual([
    "retention.ms=-1",
    "max.message.bytes=33619968",
    "message.timestamp.type=LogAppendTime",
  ]);
  const configEntries = settings.map((setting) => {
    const [name = "", value = ""] = setting.split("=");
    return { name, value };
  });
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
  await broker.ensureTopics(specs);
});

test("more partitions than one and more replicas than brokers are refused", async () => {
  await admin.createTopics({
    topics: [{ topic: "wide.blocks.raw.v1", numPartitions: 2, replicationFactor: 1 }],
  });
  await expect(broker.ensureTopics(topicSpecs(["wide.blocks.raw.v1"], 1))).rejects.toThrow(
    "has 2 partitions",
  );
  await expect(broker.ensureTopics(topicSpecs(["many.blocks.raw.v1"], 3))).rejects.toThrow(
    "topic many.blocks.raw.v1 cannot be made with 3 replicas",
  );
});

test("a topic waits for the brokers of a cluster that is just starting", async () => {
  const home = temporaryHome("cluster");
  const seats = await clusterSeats(3);
  const start = (seat: (typeof seats)[number]) => startKafka({ home: join(home, String(seat.id)), seat });
  const running = await Promise.all(seats.slice(0, 2).map(start));
  const [first] = running;
  const edge = { brokers: first!.brokers, security: {}, log: pino({ enabled: false }) };
  const early = await openBroker(edge);
  try {
    let made = false;
    const making = early.ensureTopics(topicSpecs(["early.blocks.raw.v1"], 3)).then(() => {
      made = true;
    });
    await sleep(1_000);
    expect(made).toBe(false);
    running.push(await start(seats[2]!));
    await making;
  } finally {
    await early.close();
    await Promise.all(running.map((broker) => broker.stop()));
    removeHome(home);
  }
});
