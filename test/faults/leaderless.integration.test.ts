import { RdKafka } from "@confluentinc/kafka-javascript";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Broker, Reader } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { Delivery } from "../../stream/kafka/delivery.ts";
import { connection, type Edge } from "../../stream/kafka/rd.ts";
import { CALL_MS, type Done, Session } from "../../stream/kafka/session.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { type Server, startBrokers } from "../support/servers.ts";
import { silent } from "../warehouse/postgres/story.ts";
import { openAdmin } from "./bed.ts";

/** With one of three away, the cluster still has a controller, and the log of transactions its quorum. */
const BROKERS = 3;
const TOPIC = "leaderless.blocks.raw.v1";
const TRANSACTIONS = "__transaction_state";
const WRITER = "leaderless-writer";
/** What the metadata name as the leader of a partition that has none. */
const NOBODY = -1;
/** Markers follow the leader within a second; a reader that gets nothing for so long waits for ever. */
const READER_MS = 30_000;

const home = temporaryHome("leaderless");
let servers: readonly Server[] = [];
let edge: Edge;
let broker: Broker;
let producer: Session<RdKafka.Producer>;

beforeAll(async () => {
  servers = await startBrokers(home, BROKERS);
  edge = { brokers: servers.map(({ address }) => address).join(), security: {}, log: silent };
  broker = await openBroker(edge);
  producer = await openProducer();
});

afterAll(async () => {
  await producer?.close();
  await broker?.close();
  await Promise.all(servers.map((server) => server.stop()));
  removeHome(home);
});

/** A producer whose transactions stay open until they are told to end, as a writer's never do. */
async function openProducer(): Promise<Session<RdKafka.Producer>> {
  const settings = { ...connection(edge), "transactional.id": WRITER, dr_cb: true };
  const session = await Session.open(edge, () => new RdKafka.Producer(settings));
  session.client.setPollInBackground(true);
  await session.insist<void>((done) => session.client.initTransactions(CALL_MS, ended(done)));
  return session;
}

function ended(done: Done<void>) {
  return (error: RdKafka.LibrdKafkaError) => done(error, undefined);
}

/** The leaders of a topic's partitions, by partition. */
async function leadersOf(topic: string): Promise<readonly number[]> {
  const options = { topic, allTopics: false, timeout: CALL_MS };
  const found = await producer.insist<RdKafka.Metadata>((done) => producer.client.getMetadata(options, done));
  const partitions = found.topics.find(({ name }) => name === topic)?.partitions ?? [];
  return [...partitions].sort((one, other) => one.id - other.id).map(({ leader }) => leader);
}

/** The broker that coordinates the transactions of `id`: it leads the partition of the id's hash, as Java computes it. */
async function coordinatorOf(id: string): Promise<number> {
  const hash = [...Buffer.from(id)].reduce((sum, byte) => (31 * sum + byte) | 0, 0);
  const leaders = await leadersOf(TRANSACTIONS);
  return leaders[(hash & 0x7f_ff_ff_ff) % leaders.length] ?? NOBODY;
}

/** Makes the topic on one broker alone, by its id. */
async function placeTopic(id: number): Promise<void> {
  const admin = await openAdmin(edge.brokers.split(",")[0] ?? "");
  const replicaAssignment = [{ partition: 0, replicas: [id] }];
  await admin.createTopics({ topics: [{ topic: TOPIC, replicaAssignment }] });
  await admin.disconnect();
}

/** Reads on until there are `count` keys, or until it is clear that they never come. */
async function readKeys(reader: Reader, count: number): Promise<readonly string[]> {
  const keys: string[] = [];
  const end = performance.now() + READER_MS;
  while (keys.length < count && performance.now() < end)
    keys.push(...(await reader.read()).map(({ key }) => key));
  return keys;
}

test("a transaction that is committed while its partition has no leader ends when it has one again: its reader gets the record, and its writer goes on", async () => {
  const host = 1 + ((await coordinatorOf(WRITER)) % BROKERS);
  await placeTopic(host);
  const { client, closing } = producer;
  await producer.call<void>((done) => client.beginTransaction(ended(done)));
  await new Delivery(client).deliver([{ topic: TOPIC, key: "one", value: Buffer.from("record") }], closing);
  await servers[host - 1]?.kill(async () => {
    await expect.poll(() => leadersOf(TOPIC)).toEqual([NOBODY]);
    await producer.insist<void>((done) => client.commitTransaction(CALL_MS, ended(done)));
  });
  const reader = await broker.openReader(TOPIC, 0);
  expect(await readKeys(reader, 1)).toEqual(["one"]);
  const writer = await broker.openWriter(WRITER);
  await writer.commit([{ topic: TOPIC, key: "two", value: Buffer.from("record") }]);
  expect(await readKeys(reader, 1)).toEqual(["two"]);
  // Each transaction is a record and its marker.
  expect(await broker.bounds(TOPIC)).toEqual({ low: 0, high: 4 });
  for (const closeable of [reader, writer]) await closeable.close();
});
