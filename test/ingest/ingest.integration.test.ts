import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProver } from "../../ingest/ethereum/pool.ts";
import { openEthereumSource } from "../../ingest/ethereum/source.ts";
import { runIngest } from "../../ingest/ingest.ts";
import type { ChainName } from "../../stream/block.ts";
import type { Broker, KafkaRecord } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { CLOCK } from "../../stream/kafka/clock.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { fork, grow, isMainnetSize, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { blocksOf } from "../chain/walk.ts";
import { testKafka } from "../services.ts";
import { ethereumOptions } from "../support/ingest-story.ts";

const CHAIN = "ethereum" as ChainName;
const TOPICS = chainTopics("", CHAIN);
const log = pino({ enabled: false });
const trunk = grow(simulateChain({ bodies: isMainnetSize }), 150);

describe("ingest into a real broker", () => {
  let kafka: Awaited<ReturnType<typeof testKafka>>;
  let node: SimulatedNode;
  beforeAll(async () => {
    [kafka, node] = await Promise.all([testKafka(), startNode(trunk)]);
  });
  afterAll(async () => {
    await node.close();
    await kafka.stop();
  });

  async function ingest(until: number): Promise<void> {
    const broker = await openBroker({ brokers: kafka.brokers, security: {}, log });
    const prover = openProver();
    const options = ethereumOptions([node.url], { policy: { kind: "confirmations", confirmations: 1 } });
    const source = openEthereumSource(options, { prover, log });
    const context: StageContext = {
      chain: CHAIN,
      broker,
      topics: TOPICS,
      prefix: "",
      replication: 1,
      log,
      clock: CLOCK,
      signal: new AbortController().signal,
      until,
      report: () => undefined,
    };
    try {
      await runIngest(context, source, options);
    } finally {
      await source.close();
      await prover.close();
      await broker.close();
    }
  }

  it("backfills, goes on after the end, and follows a reorg that happened meanwhile", async () => {
    await ingest(1100);
    const rival = fork(grow(trunk, 0), 60, "b");
    node.follow(rival);
    await ingest(1151);
    const expected = [...blocksOf(trunk).slice(0, 101), ...blocksOf(rival).slice(91)];
    const broker = await openBroker({ brokers: kafka.brokers, security: {}, log });
    const records = await readAll(broker);
    await broker.close();
    expect(records.map((record) => record.key)).toEqual(expected.map((block) => block.hash));
    expect(records.every((record) => (record.value?.length ?? 0) > 10_000)).toBe(true);
  });
});

async function readAll(broker: Broker): Promise<readonly KafkaRecord[]> {
  const { high } = await broker.bounds(TOPICS.raw);
  const reader = await broker.openReader(TOPICS.raw, 0);
  const records: KafkaRecord[] = [];
  while (reader.position() < high) records.push(...(await reader.read()));
  await reader.close();
  return records;
}
