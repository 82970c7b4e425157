import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEnvironment } from "../../runtime/environment.ts";
import { exitCodeOf } from "../../runtime/exit.ts";
import type { ChainName } from "../../stream/block.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { openGroups } from "../../stream/kafka/groups.ts";
import { chainTopics, topicSpecs } from "../../stream/kafka/topics.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { type Authority, makeAuthority } from "./authority.ts";
import { type SecureKafka, startSecureKafka } from "./secure-kafka.ts";

const LOGIN = { username: "sluice", password: "open-sesame-42" };
const log = pino({ enabled: false });
const folder = temporaryHome("secure-kafka");
let right: Authority;
let wrong: Authority;
let kafka: SecureKafka;

beforeAll(async () => {
  right = makeAuthority(folder, "right");
  wrong = makeAuthority(folder, "wrong");
  kafka = await startSecureKafka(join(folder, "kafka"), right, LOGIN);
});
afterAll(async () => {
  await kafka.stop();
  removeHome(folder);
});

function environment(change: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const env = {
    KAFKA_BROKERS: kafka.brokers,
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-256",
    KAFKA_USERNAME: LOGIN.username,
    KAFKA_PASSWORD: LOGIN.password,
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: right.ca,
    ...change,
  };
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** All that a stage asks of a cluster: topics made and checked, a group joined, a transaction, a read. */
async function use(env: Record<string, string>, chain: string): Promise<readonly string[]> {
  const { kafkaSecurity: security } = readEnvironment(env);
  const edge = { brokers: kafka.brokers, security, log };
  const broker = await openBroker(edge);
  const topic = chainTopics("", chain as ChainName).raw;
  const group = `gate-${chain}`;
  try {
    await broker.ensureTopics(topicSpecs([topic], 1));
    const claim = await broker.claim({ group, topic }, new AbortController().signal);
    const writer = await broker.openWriter(group);
    await writer.commit([{ topic, key: "one", value: Buffer.from("1") }], { claim, offset: 1 });
    await writer.close();
    const groups = await openGroups(edge);
    expect(await groups.living([group, "nobody"])).toEqual([group]);
    expect(await groups.committed({ group, topic })).toBe(1);
    await groups.close();
    await claim.close();
    const reader = await broker.openReader(topic, 0);
    const keys: string[] = [];
    while (keys.length === 0) keys.push(...(await reader.read()).map((record) => record.key));
    await reader.close();
    return keys;
  } finally {
    await broker.close();
  }
}

async function refusal(
  env: Record<string, string>,
): Promise<{ code: number; message: string; seconds: number }> {
  const began = performance.now();
  const error = await openBroker({
    brokers: kafka.brokers,
    security: readEnvironment(env).kafkaSecurity,
    log,
  }).then(
    () => new Error("it was let in"),
    (cause: Error) => cause,
  );
  return { code: exitCodeOf(error), message: error.message, seconds: (performance.now() - began) / 1000 };
}

describe("a broker that demands TLS and a log-in", () => {
  test.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])("is used by %s as any other", async (mechanism) => {
    expect(await use(environment({ KAFKA_SASL_MECHANISM: mechanism }), mechanism.toLowerCase())).toEqual([
      "one",
    ]);
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      "a wrong password",
      () => environment({ KAFKA_PASSWORD: "open-barley-17" }),
      /uthentication.*check KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD/,
    ],
    [
      "a wrong password by PLAIN",
      () => environment({ KAFKA_SASL_MECHANISM: "PLAIN", KAFKA_PASSWORD: "open-barley-17" }),
      /uthentication.*check KAFKA_SASL/,
    ],
    [
      "an unknown authority",
      () => environment({ KAFKA_TLS_CA: wrong.ca }),
      /certificate.*check KAFKA_TLS and KAFKA_TLS_CA/,
    ],
  ])("refuses %s, and says so within seconds", async (_, env, reason) => {
    const { code, message, seconds } = await refusal(env());
    expect([code, message]).toEqual([4, expect.stringMatching(reason)]);
    expect(message).not.toMatch(/open-(sesame|barley)/);
    expect(seconds).toBeLessThan(15);
  });

  test("is not asked where the environment itself is wrong", () => {
    expect(() => readEnvironment(environment({ KAFKA_PASSWORD: undefined }))).toThrow(
      /KAFKA_SASL_MECHANISM needs/,
    );
    expect(() => readEnvironment(environment({ KAFKA_TLS_CA: join(folder, "nowhere.pem") }))).toThrow(
      /cannot be read/,
    );
    expect(() => readEnvironment(environment({ KAFKA_SASL_MECHANISM: "GSSAPI" }))).toThrow(
      /KAFKA_SASL_MECHANISM/,
    );
  });
});
