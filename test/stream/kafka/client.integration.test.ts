import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Broker, KafkaRecord, OutgoingRecord, Reader } from "../../../stream/kafka/broker.ts";
import { openBroker } from "../../../stream/kafka/client.ts";
import { BrokerUnreachable, Fenced, OffsetOutOfRange, TopicMissing } from "../../../stream/kafka/errors.ts";
import { OUTAGE_MS } from "../../../stream/kafka/session.ts";
import { readLast, readTail } from "../../../stream/kafka/tail.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { testKafka } from "../../services.ts";

const log = pino({ enabled: false });
/** DESIGN §1: a process is gone so long after it is told to end. */
const GONE_MS = 10_000;
const never = new AbortController().signal;
let kafka: { readonly brokers: string; stop(): Promise<void> };
let broker: Broker;
let topics = 0;

beforeAll(async () => {
  kafka = await testKafka();
  broker = await openBroker({ brokers: kafka.brokers, security: {}, log });
});

afterAll(async () => {
  await broker?.close();
  await kafka?.stop();
});

/** A new topic of its own for each test. */
async function freshTopic(): Promise<string> {
  topics += 1;
  const topic = `t${topics}.blocks.raw.v1`;
  await broker.ensureTopics(topicSpecs([topic], 1));
  return topic;
}

function record(topic: string, key: string, value: Uint8Array | null = Buffer.from(key)): OutgoingRecord {
  return { topic, key, value };
}

async function readAll(topic: string, from = 0): Promise<readonly KafkaRecord[]> {
  const { high } = await broker.bounds(topic);
  const reader = await broker.openReader(topic, from);
  const records: KafkaRecord[] = [];
  while (reader.position() < high) records.push(...(await reader.read()));
  await reader.close();
  return records;
}

async function readSome(reader: Reader): Promise<readonly KafkaRecord[]> {
  for (;;) {
    const records = await reader.read();
    if (records.length > 0) return records;
  }
}

describe("transactions", () => {
  test("carry records of several topics and the input's offset together; headers and tombstones survive", async () => {
    const [input, output] = [await freshTopic(), await freshTopic()];
    const claim = await broker.claim({ group: `${input}-g`, topic: input }, never);
    expect(await claim.committed()).toBeUndefined();
    const writer = await broker.openWriter(`${input}-g`);
    const headers = { height: "7", name: "größe" };
    await writer.commit(
      [{ ...record(input, "a"), headers }, record(output, "b"), record(output, "gone", null)],
      { claim, offset: 41 },
    );
    expect(await claim.committed()).toBe(41);
    const appendedMs = expect.any(Number);
    expect(await readAll(input)).toEqual([
      { topic: input, offset: 0, key: "a", value: Buffer.from("a"), headers, appendedMs },
    ]);
    expect(await readAll(output)).toEqual([
      { topic: output, offset: 0, key: "b", value: Buffer.from("b"), headers: {}, appendedMs },
      { topic: output, offset: 1, key: "gone", value: null, headers: {}, appendedMs },
    ]);
    await writer.commit([], { claim, offset: 43 });
    expect(await claim.committed()).toBe(43);
    await writer.close();
    await claim.close();
  });

  test("a newer writer fences the older one, whose work leaves nothing", async () => {
    const topic = await freshTopic();
    const claim = await broker.claim({ group: `${topic}-g`, topic }, never);
    const older = await broker.openWriter(`${topic}-g`);
    await older.commit([record(topic, "before")], { claim, offset: 1 });
    const newer = await broker.openWriter(`${topic}-g`);
    await expect(older.commit([record(topic, "late")], { claim, offset: 2 })).rejects.toThrow(Fenced);
    await expect(older.commit([record(topic, "later")])).rejects.toThrow(Fenced);
    await newer.commit([record(topic, "after")]);
    expect((await readAll(topic)).map(({ key }) => key)).toEqual(["before", "after"]);
    expect(await claim.committed()).toBe(1);
    for (const closeable of [older, newer, claim]) await closeable.close();
  });

  test("a record that no topic takes leaves nothing of its transaction, and the writer goes on", async () => {
    const topic = await freshTopic();
    const writer = await broker.openWriter(`${topic}-w`);
    const tooBig = record(topic, "big", randomBytes(34 * 1024 * 1024));
    await expect(writer.commit([record(topic, "with it"), tooBig])).rejects.toMatchObject({ code: 10 });
    await writer.commit([record(topic, "20 MiB", randomBytes(20 * 1024 * 1024)), record(topic, "next")]);
    expect((await readAll(topic)).map(({ key, value }) => [key, value?.byteLength])).toEqual([
      ["20 MiB", 20 * 1024 * 1024],
      ["next", 4],
    ]);
    await writer.close();
  });

  test("what was committed together is within the bounds of every topic at once", async () => {
    const [one, other] = [await freshTopic(), await freshTopic()];
    const writer = await broker.openWriter(`${one}-w`);
    for (let round = 0; round < 40; round += 1) {
      await writer.commit([record(one, "a"), record(other, "b")]);
      const bounds = await Promise.all([broker.bounds(one), broker.bounds(other)]);
      expect(
        bounds.map(({ high }) => Math.ceil(high / 2)),
        `round ${round}`,
      ).toEqual([round + 1, round + 1]);
    }
    await writer.close();
  });

  test("more records than may be in flight at once", async () => {
    const topic = await freshTopic();
    const writer = await broker.openWriter(`${topic}-w`);
    const keys = Array.from({ length: 25_000 }, (_, index) => `k${index}`);
    await writer.commit(keys.map((key) => record(topic, key)));
    expect((await readAll(topic)).map(({ key }) => key)).toEqual(keys);
    await writer.close();
  });
});

describe("bounds", () => {
  test("are found by whoever asked before the topic was there", async () => {
    const topic = "late.blocks.raw.v1";
    for (let ask = 0; ask < 3; ask += 1) {
      await expect(broker.bounds(topic)).rejects.toThrow(TopicMissing);
    }
    await broker.ensureTopics(topicSpecs([topic], 1));
    expect(await broker.bounds(topic)).toEqual({ low: 0, high: 0 });
  });
});

describe("readers", () => {
  test("step over markers, so that the position tells when all is read", async () => {
    const topic = await freshTopic();
    const writer = await broker.openWriter(`${topic}-w`);
    for (const key of ["a", "b", "c"]) await writer.commit([record(topic, key), record(topic, `${key}2`)]);
    expect(await broker.bounds(topic)).toEqual({ low: 0, high: 9 });
    expect((await readAll(topic)).map(({ offset }) => offset)).toEqual([0, 1, 3, 4, 6, 7]);
    const atMarker = await broker.openReader(topic, 8);
    while (atMarker.position() < 9) expect(await atMarker.read()).toEqual([]);
    await writer.commit([record(topic, "d")]);
    expect((await readSome(atMarker)).map(({ key }) => key)).toEqual(["d"]);
    for (const closeable of [atMarker, writer]) await closeable.close();
  });

  test("keep within records and bytes, and lose nothing by it", async () => {
    const topic = await freshTopic();
    const writer = await broker.openWriter(`${topic}-w`);
    await writer.commit(
      Array.from({ length: 40 }, (_, index) => record(topic, `k${index}`, Buffer.alloc(1000, index))),
    );
    const reader = await broker.openReader(topic, 0);
    const batches: number[][] = [];
    while (reader.position() < 41) {
      const before = reader.position();
      const records = await reader.read({ maxRecords: 7, maxBytes: 5500 });
      if (records.length > 0) expect(records[0]?.offset).toBe(before);
      if (records.length > 0) batches.push(records.map(({ offset }) => offset));
    }
    expect(batches.flat()).toEqual(Array.from({ length: 40 }, (_, index) => index));
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(5);
    await reader.seek(38);
    expect(reader.position()).toBe(38);
    expect((await readSome(reader)).map(({ offset }) => offset)).toEqual([38, 39]);
    for (const closeable of [reader, writer]) await closeable.close();
  });

  test("say so when the offset is gone", async () => {
    const topic = await freshTopic();
    const reader = await broker.openReader(topic, 7);
    await expect(readSome(reader)).rejects.toEqual(new OffsetOutOfRange(topic, 7));
    await reader.close();
  });

  test("find a topic's tail behind its holes", async () => {
    const topic = await freshTopic();
    expect(await readLast(broker, topic)).toBeUndefined();
    const writer = await broker.openWriter(`${topic}-w`);
    for (let index = 0; index < 30; index += 1) await writer.commit([record(topic, `k${index}`)]);
    expect((await readLast(broker, topic))?.key).toBe("k29");
    expect(await readTail(broker, topic, 3, ({ key }) => key)).toEqual(["k27", "k28", "k29"]);
    expect(await readTail(broker, topic, 100, ({ key }) => key)).toHaveLength(30);
    await writer.close();
  });
});

describe("an absent broker", () => {
  test("is tried for half a minute", async () => {
    const began = performance.now();
    const opening = openBroker({ brokers: "127.0.0.1:1", security: {}, log });
    await expect(opening).rejects.toThrow(BrokerUnreachable);
    expect(performance.now() - began).toBeGreaterThan(OUTAGE_MS);
    expect(performance.now() - began).toBeLessThan(2 * OUTAGE_MS);
  });

  test("is not tried again by a process that is to end", async () => {
    const stopping = new AbortController();
    const edge = { brokers: "127.0.0.1:1", security: {}, log, signal: stopping.signal };
    const opening = openBroker(edge);
    setTimeout(() => stopping.abort(), 100);
    const began = performance.now();
    await expect(opening).rejects.toThrow(BrokerUnreachable);
    expect(performance.now() - began).toBeLessThan(GONE_MS);
  });
});
