import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readEnvironment } from "../../runtime/environment.ts";
import { probeKafka } from "../../runtime/services/kafka-probe.ts";
import { openServices, type Services } from "../../runtime/services/open.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { sluice } from "../support/sluice.ts";

const log = pino({ enabled: false });
const home = temporaryHome("embedded");
let services: Services;

beforeAll(async () => {
  services = await openServices(readEnvironment({ SLUICE_HOME: home }), new Set(["kafka"]), log);
});
afterAll(async () => {
  await services.stop();
  removeHome(home);
});

test("the embedded broker lets in who can read its password's file, and nobody else, at none of its ports", async () => {
  for (const file of ["kafka.password", "kafka/server.properties"])
    expect([file, statSync(join(home, file)).mode & 0o777]).toEqual([file, 0o600]);
  const password = readFileSync(join(home, "kafka.password"), "utf8").trim();
  expect(services.kafkaSecurity).toEqual({ sasl: { mechanism: "PLAIN", username: "sluice", password } });
  const edge = { brokers: services.brokers, log };
  await (await openBroker({ ...edge, security: services.kafkaSecurity })).close();
  const guess = { mechanism: "PLAIN", username: "sluice", password: "guessed" } as const;
  await expect(openBroker({ ...edge, security: { sasl: guess } })).rejects.toThrow(/Authentication failed/);
  const properties = readFileSync(join(home, "kafka/server.properties"), "utf8");
  const ports = [...properties.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  expect(new Set(ports).size).toBe(2);
  expect(properties).toMatch(/^listeners=BROKER:\/\/127\.0\.0\.1:\d+,CONTROLLER:\/\/127\.0\.0\.1:\d+$/m);
  for (const port of new Set(ports))
    await expect(probeKafka(port)).rejects.toThrow("closed without an answer");
});

test("another verb of the home uses it by the same file", async () => {
  const config = join(process.cwd(), "sluice.json");
  const env = { SLUICE_HOME: home, SLUICE_CONFIG: config, KAFKA_BROKERS: "", DATABASE_URL: "" };
  expect(await sluice(["incident"], env)).toBe("ethereum: no incident\n");
});
