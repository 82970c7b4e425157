import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import { advance, EMPTY_GATE, type UnfinalizedBlock } from "../../../stream/finality.ts";
import { announcementOf } from "../../../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord, OutgoingRecord } from "../../../stream/kafka/broker.ts";
import { openBroker } from "../../../stream/kafka/client.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { testKafka } from "../../services.ts";
import { grow, root } from "../../support/blocks.ts";
import { runModule } from "../../support/module.ts";
import { contentOf, finalRecord, rawRecord, stageContext, TOPICS } from "../../support/stage-bed.ts";

const CONFIRMATIONS = 4;
const POLICY = { kind: "confirmations", confirmations: CONFIRMATIONS } as const;
const CHAIN_LENGTH = 400;
const VALUE_BYTES = 20_000;
/** A second copy has to work this soon after the first one died. */
const TAKEOVER_MS = 10_000;
/** Each waits for a session to end; `make chaos` kills by the hundred. */
const KILLS = 2;

let kafka: { readonly brokers: string; stop(): Promise<void> };
let broker: Broker;
const gates = new Set<ChildProcess>();

beforeAll(async () => {
  kafka = await testKafka();
  broker = await openBroker({ brokers: kafka.brokers, security: {}, log: pino({ enabled: false }) });
  await broker.ensureTopics(topicSpecs(Object.values(TOPICS), 1));
});

afterAll(async () => {
  for (const gate of gates) gate.kill("SIGKILL");
  await broker?.close();
  await kafka?.stop();
});

/** A gate in a process of its own, which `kill -9` really kills. */
function startGate(): ChildProcess {
  const { child: gate } = runModule(`
    import { pino } from "pino";
    import { openBroker } from "stream/kafka/client.js";
    import { runGate } from "stream/kafka/gate.js";
    const log = pino({ enabled: false });
    const broker = await openBroker({ brokers: ${JSON.stringify(kafka.brokers)}, security: {}, log });
    await runGate({ chain: "story", broker, topics: ${JSON.stringify(TOPICS)}, prefix: "", replication: 1, log,
      signal: new AbortController().signal, until: undefined, report: () => {} }, ${JSON.stringify(POLICY)});
  `);
  gates.add(gate);
  gate.once("exit", () => gates.delete(gate));
  return gate;
}

/** A chain that is forked two deep every ten blocks, as it is announced. */
function announcements(): readonly OutgoingRecord[] {
  const announced: BlockHeader[] = [root()];
  let tip = root();
  for (let round = 0; tip.height < CHAIN_LENGTH; round += 1) {
    const stem = grow(tip, 8, `s${round}-`);
    const orphans = grow(stem.at(-1) as BlockHeader, 2, `o${round}-`);
    const branch = grow(stem.at(-1) as BlockHeader, 3, `b${round}-`);
    announced.push(...stem, ...orphans, ...branch);
    tip = branch.at(-1) as BlockHeader;
  }
  return announced.map((block) => ({ ...rawRecord(block), value: Buffer.alloc(VALUE_BYTES, block.hash) }));
}

async function readAll(topic: string): Promise<readonly KafkaRecord[]> {
  const { high } = await broker.bounds(topic);
  const reader = await broker.openReader(topic, 0);
  const records: KafkaRecord[] = [];
  while (reader.position() < high) records.push(...(await reader.read()));
  await reader.close();
  return records;
}

async function waitForGrowth(beyond: number): Promise<number> {
  const deadline = Date.now() + 6 * TAKEOVER_MS;
  while (Date.now() < deadline) {
    const { high } = await broker.bounds(TOPICS.final);
    if (high > beyond) return high;
    await sleep(50);
  }
  throw new Error("no gate works");
}

test("gates killed in turn, each with a standby, leave final and reorgs as one gate would", async () => {
  const writer = await broker.openWriter("ingest-story");
  const all = announcements();
  let written = 0;
  const feed = async (count: number) => {
    for (const record of all.slice(written, written + count)) await writer.commit([record]);
    written += count;
  };
  let working = startGate();
  await feed(40);
  let high = await waitForGrowth(0);
  const takeovers: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const standby = startGate();
    await sleep(1500);
    const feeding = feed(60);
    await sleep(40 * kill);
    working.kill("SIGKILL");
    const killed = Date.now();
    await feeding;
    high = await waitForGrowth((await broker.bounds(TOPICS.final)).high);
    takeovers.push(Date.now() - killed);
    working = standby;
  }
  working.kill("SIGKILL");
  await feed(all.length - written);
  await writer.close();

  let state = EMPTY_GATE;
  const wanted: UnfinalizedBlock[] = [];
  const reorgOffsets: number[] = [];
  for (const record of await readAll(TOPICS.raw)) {
    const step = advance(state, announcementOf(record), POLICY);
    if (step.kind !== "advanced") throw new Error(`unexpected ${step.kind}`);
    state = step.state;
    wanted.push(...step.released);
    if (step.reorg !== undefined) reorgOffsets.push(step.reorg.rawOffset);
  }
  await runGate(stageContext(broker, { until: wanted.at(-1)?.height }), POLICY);
  const final = await readAll(TOPICS.final);
  expect(final.map(({ key }) => key)).toEqual(wanted.map(({ hash }) => hash));
  expect(final.map(({ headers }) => headers)).toEqual(
    wanted.map((block) => contentOf(finalRecord(block)).headers),
  );
  expect(
    final.every(({ key, value }) => value !== null && Buffer.alloc(VALUE_BYTES, key).equals(value)),
  ).toBe(true);
  expect((await readAll(TOPICS.reorgs)).map(({ key }) => Number(key))).toEqual(reorgOffsets);
  expect(high).toBeGreaterThan(0);
  expect(Math.max(...takeovers)).toBeLessThan(TAKEOVER_MS);
});
