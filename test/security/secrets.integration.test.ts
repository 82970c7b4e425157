import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../runtime/services/port.ts";
import { grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { type Sluice, startSluice } from "../support/sluice.ts";

const START = 1000;
const SECRETS = {
  rpcPassword: "hunter2-of-the-node",
  rpcKey: "f00dfacecafebeef0123",
  kafkaPassword: "open-sesame-kafka",
  databasePassword: "open:sesame@postgres",
};
/** One for each test: they run beside each other, since the second mostly waits for what is dead. */
const homes = { works: temporaryHome("secrets"), fails: temporaryHome("secrets") } as const;
let node: SimulatedNode;

beforeAll(async () => {
  node = await startNode(grow(simulateChain({ start: START }), 12));
  const ethereum = { kind: "ethereum", chainId: 1, start: START, finality: { confirmations: 3 }, pollMs: 50 };
  const seeds = join(process.cwd(), "sql/seeds");
  const files = { labels: [join(seeds, "exchange_addresses.csv")], assets: [join(seeds, "assets.csv")] };
  for (const home of Object.values(homes))
    writeFileSync(join(home, "sluice.json"), JSON.stringify({ chains: { ethereum }, ...files }));
});
afterAll(async () => {
  await node.close();
  for (const home of Object.values(homes)) removeHome(home);
});

function environment(home: string, rpc: string, change: Record<string, string> = {}): Record<string, string> {
  const url = new URL(`/v3/${SECRETS.rpcKey}?apikey=${SECRETS.rpcKey}`, rpc);
  url.username = "me";
  url.password = SECRETS.rpcPassword;
  const own = { SLUICE_HOME: home, SLUICE_CONFIG: join(home, "sluice.json"), ETHEREUM_RPC_URL: url.href };
  return { ...own, KAFKA_BROKERS: "", DATABASE_URL: "", LOG_LEVEL: "trace", ...change };
}

/** The secrets as they were given, percent-encoded too, and those that the embedded servers made for themselves. */
function secretsOf(home: string): readonly string[] {
  const made = readdirSync(home).filter((file) => file.endsWith(".password"));
  for (const file of made) expect([file, statSync(join(home, file)).mode & 0o77]).toEqual([file, 0]);
  return [
    ...Object.values(SECRETS).flatMap((secret) => [secret, encodeURIComponent(secret)]),
    ...made.map((file) => readFileSync(join(home, file), "utf8").trim()),
  ];
}

/** Those of `home` that `text` tells. */
function foundIn(text: string, home: string): readonly string[] {
  return secretsOf(home).filter((secret) => text.includes(secret));
}

/** Titles and arguments of all processes of this machine. */
function commandLines(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ["cmdline", "comm"].map((file) => readOr(`/proc/${pid}/${file}`)).join(" "))
    .join("\n");
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

async function printedBy(verb: Sluice, afterMs?: number): Promise<string> {
  if (afterMs !== undefined) {
    await sleep(afterMs);
    verb.process.kill("SIGTERM");
  }
  const { out, err } = await verb.ended;
  return out + err;
}

test.runIf(process.platform === "linux")(
  "work that succeeds tells no secret: not in what it prints, not in any process's arguments, not in its metrics",
  { concurrent: true },
  async () => {
    const metricsPort = await freePort("nobody");
    const env = environment(homes.works, node.url, { SLUICE_METRICS_PORT: String(metricsPort) });
    const run = startSluice(["run"], env);
    let commands = "";
    let metrics = "";
    while (!/sluice_height\{[^}]*gate[^}]*\} 1010/.test(metrics) && run.process.exitCode === null) {
      await sleep(300);
      commands += commandLines();
      metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
        .then((answer) => answer.text())
        .catch(() => "");
    }
    const { SLUICE_METRICS_PORT: _, ...plain } = env;
    const verbs = ["status", "table", "incident", "verify", "feed"].map((verb) =>
      printedBy(startSluice([verb], plain)),
    );
    const printed = [...(await Promise.all(verbs)), await printedBy(run, 0)].join("\n");
    expect(printed).toContain("no incident");
    expect(commands).toContain("postgres");
    expect(secretsOf(homes.works).length).toBeGreaterThan(2 * Object.keys(SECRETS).length);
    for (const text of [printed, commands, metrics]) expect(foundIn(text, homes.works)).toEqual([]);
  },
);

test.concurrent("work that fails tells no secret either", async () => {
  const dead = await freePort("nobody");
  const database = `postgres://me:${encodeURIComponent(SECRETS.databasePassword)}@127.0.0.1:${dead}/sluice`;
  const kafka = {
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_USERNAME: "me",
    KAFKA_PASSWORD: SECRETS.kafkaPassword,
  };
  const all = environment(homes.fails, `http://127.0.0.1:${dead}`, {
    ...kafka,
    KAFKA_BROKERS: `127.0.0.1:${dead}`,
    DATABASE_URL: database,
  });
  const ended = [
    ["status"],
    ["table"],
    ["feed"],
    ["verify"],
    ["incident"],
    ["rewind", "ethereum", "--to", "1", "--yes"],
  ].map((verb) => printedBy(startSluice(verb, all)));
  const refused = [
    startSluice(["table"], { ...all, DATABASE_URL: `mysql://me:${SECRETS.kafkaPassword}@h/d` }),
    startSluice(["ingest", "ethereum"], {
      ...all,
      ETHEREUM_RPC_URL: `ftp://me:${SECRETS.rpcPassword}@h/${SECRETS.rpcKey}`,
    }),
    startSluice(["ingest", "ethereum"], {
      ...all,
      ETHEREUM_RPC_URL: `me:${SECRETS.rpcPassword}@h/${SECRETS.rpcKey}`,
    }),
  ].map((verb) => printedBy(verb));
  const outage = printedBy(
    startSluice(["ingest", "ethereum"], environment(homes.fails, `http://127.0.0.1:${dead}`)),
    12_000,
  );
  const commands = commandLines();
  const printed = await Promise.all([...ended, ...refused, outage]);
  expect(printed.join("\n")).toMatch(/DATABASE_URL/);
  for (const text of [...printed, commands]) expect(foundIn(text, homes.fails)).toEqual([]);
});
