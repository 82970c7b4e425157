import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Broker } from "../../../stream/kafka/broker.ts";
import { openBroker } from "../../../stream/kafka/client.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { testKafka } from "../../services.ts";
import { startProgram } from "./program.ts";

/** A member that joins again is seen after some 100 ms. */
const REJOIN_MS = 2000;
/** A member that joins is given its partitions within half of it. */
const GIVEN_MS = 3000;
/** DESIGN §1: a stage is gone so long after SIGTERM. */
const GONE_MS = 10_000;

const never = new AbortController().signal;
let kafka: { readonly brokers: string; stop(): Promise<void> };
let broker: Broker;
let groups = 0;

beforeAll(async () => {
  kafka = await testKafka();
  broker = await openBroker({ brokers: kafka.brokers, security: {}, log: pino({ enabled: false }) });
});

afterAll(async () => {
  await broker?.close();
  await kafka?.stop();
});

/** A group of its own for each test, on a topic of its own. */
async function freshGroup(): Promise<{ readonly group: string; readonly topic: string }> {
  groups += 1;
  const topic = `t${groups}.blocks.raw.v1`;
  await broker.ensureTopics(topicSpecs([topic], 1));
  return { group: `g${groups}`, topic };
}

/** An owner that can be frozen; it stays when it has lost its claim. */
const OWNER = `
  const broker = await open({ debug: () => {} });
  const claim = await broker.claim(where, new AbortController().signal);
  claim.lost.addEventListener("abort", () => console.log("lost"));
  console.log("owned");
`;

/** A standby that does nothing while it is given its part of the group's partitions, none, and then ends: by an exit that waits for its client. */
const ENDS_WHEN_GIVEN_NONE = `
  const stopping = new AbortController();
  const doNothing = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${GIVEN_MS});
  const broker = await open({
    debug: (_, what) => {
      if (what === "claim asked for") setImmediate(() => stopping.abort(doNothing()));
    },
  });
  await broker.claim(where, stopping.signal).catch(() => {});
  await broker.close();
  process.exit(0);
`;

test("a standby waits until the owner leaves, and the owner keeps what it has", async () => {
  const where = await freshGroup();
  const owner = await broker.claim(where, never);
  const writer = await broker.openWriter(where.group);
  let taken = false;
  const second = broker.claim(where, never).then((claim) => {
    taken = true;
    return claim;
  });
  const until = Date.now() + 3000;
  for (let offset = 0; Date.now() < until; offset += 1) await writer.commit([], { claim: owner, offset });
  expect([taken, owner.lost.aborted]).toEqual([false, false]);
  const left = Date.now();
  await owner.close();
  const standby = await second;
  expect(Date.now() - left).toBeLessThan(5000);
  await writer.close();
  await standby.close();
});

test("a waiting copy gives up when it is told to", async () => {
  const where = await freshGroup();
  const owner = await broker.claim(where, never);
  const stopping = new AbortController();
  const waiting = broker.claim(where, stopping.signal);
  setTimeout(() => stopping.abort(new Error("stop")), 500);
  await expect(waiting).rejects.toThrow("stop");
  await owner.close();
});

test("a copy that ends while it is given no partition does not wait for an answer that it can't give any more", async () => {
  const where = await freshGroup();
  const owner = await broker.claim(where, never);
  const standby = startProgram(kafka.brokers, where, ENDS_WHEN_GIVEN_NONE);
  try {
    await expect.poll(() => standby.child.exitCode, { timeout: GIVEN_MS + GONE_MS }).toBe(0);
  } finally {
    standby.kill("SIGKILL");
    await owner.close();
  }
});

test("an owner that slept through its session has lost its claim for good: it does not join again", async () => {
  const where = await freshGroup();
  const owner = startProgram(kafka.brokers, where, OWNER);
  const admin = new kafkajs.Kafka({ brokers: [kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  try {
    expect(await owner.line()).toBe("owned");
    owner.kill("SIGSTOP");
    const standby = await broker.claim(where, never);
    owner.kill("SIGCONT");
    expect(await owner.line()).toBe("lost");
    await admin.connect();
    // As long as it took a member that joined to be seen, several times over.
    for (const end = Date.now() + REJOIN_MS; Date.now() < end; await sleep(100)) {
      const [group] = (await admin.describeGroups([where.group])).groups;
      expect(group?.members.length).toBe(1);
    }
    expect(standby.lost.aborted).toBe(false);
    await standby.close();
  } finally {
    owner.kill("SIGKILL");
    await admin.disconnect();
  }
});
