import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type KafkaService, startKafka } from "../../runtime/services/kafka.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { readBetween } from "../../stream/kafka/tail.ts";
import { topicSpecs } from "../../stream/kafka/topics.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { canMount, mount } from "../support/mounts.ts";

const TOPIC = "full.blocks.raw.v1";
const VALUE_BYTES = 1024 * 1024;
/** What two values of 1 MiB a transaction fill within seconds. */
const SMALL = "60m";
const AMPLE = "240m";
const log = pino({ level: "silent" });
const home = temporaryHome("full");

describe.skipIf(!canMount())(
  "the embedded broker on a disk of 60 MB (runs where file systems may be mounted)",
  () => {
    beforeAll(() => mount(["-t", "tmpfs", "-o", `size=${SMALL}`, "tmpfs", home]));
    afterAll(() => {
      execFileSync("umount", ["-l", home]);
      removeHome(home);
    });

    test("gives up with the reason when the disk is full, and has all that was committed, and nothing else, when there is room again", async () => {
      const kafka = await startKafka({ home });
      const { confirmed, underWay } = await commitUntilDead(kafka);
      expect(confirmed.length).toBeGreaterThan(10);
      const failure = await kafka.failed;
      await kafka.stop();
      expect(failure.name).toBe("ServiceFailed");
      expect(failure.message).toMatch(
        /did not start \(its disk is full: \d+ KiB are free; make room there, then start again\)/,
      );

      mount(["-o", `remount,size=${AMPLE}`, home]);
      const again = await startKafka({ home });
      try {
        // A commit whose answer was lost with the broker stands or does not, whole.
        expect([confirmed, [...confirmed, ...underWay]]).toContainEqual(await keysOf(again));
      } finally {
        await again.stop();
      }
    });
  },
);

/** Commits pairs of records until the broker is given up; resolves with the keys that it confirmed, and those of the pair under way. */
async function commitUntilDead({ brokers, failed }: KafkaService): Promise<Commits> {
  const broker = await openBroker({ brokers, security: {}, log });
  const confirmed: string[] = [];
  try {
    await broker.ensureTopics(topicSpecs([TOPIC], 1));
    const writer = await broker.openWriter("full-writer");
    for (let pair = 0; ; pair++) {
      const keys = [`${pair}a`, `${pair}b`];
      const values = keys.map((key) => ({ topic: TOPIC, key, value: randomBytes(VALUE_BYTES) }));
      const writing = writer.commit(values).then(
        () => true,
        () => false,
      );
      if (await Promise.race([writing, failed.then(() => false)])) confirmed.push(...keys);
      else {
        await writer.close();
        return { confirmed, underWay: keys };
      }
    }
  } finally {
    await broker.close();
  }
}

interface Commits {
  readonly confirmed: readonly string[];
  readonly underWay: readonly string[];
}

async function keysOf({ brokers }: KafkaService): Promise<readonly string[]> {
  const broker = await openBroker({ brokers, security: {}, log });
  try {
    const { low, high } = await broker.bounds(TOPIC);
    const keys: string[] = [];
    for await (const { key } of readBetween(broker, { topic: TOPIC, from: low, to: high })) keys.push(key);
    return keys;
  } finally {
    await broker.close();
  }
}
