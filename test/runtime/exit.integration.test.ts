import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { at } from "../chain/walk.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { startSluice } from "../support/sluice.ts";

const home = temporaryHome("exit");
const trunk = grow(simulateChain({ start: 1000 }), 3);
let node: SimulatedNode;
let kafka: KafkaService;
let postgres: PostgresService;

beforeAll(async () => {
  [kafka, postgres, node] = await Promise.all([testKafka(), testPostgres(), startNode(trunk)]);
});

afterAll(async () => {
  await node.close();
  await Promise.all([kafka.stop(), postgres.stop()]);
  removeHome(home);
});

/** How `sluice <args>` ends on topics of its own. */
async function endOf(args: readonly string[], prefix: string) {
  const ethereum = { kind: "ethereum", chainId: 1, start: 1000, finality: { confirmations: 1 }, pollMs: 50 };
  const path = join(home, `${prefix}.json`);
  const seeds = join(process.cwd(), "sql/seeds");
  const files = { labels: [join(seeds, "exchange_addresses.csv")], assets: [join(seeds, "assets.csv")] };
  writeFileSync(
    path,
    JSON.stringify({ chains: { ethereum }, ...files, kafka: { topicPrefix: `${prefix}.` } }),
  );
  const { code, err } = await startSluice(args, {
    SLUICE_HOME: join(home, prefix),
    SLUICE_CONFIG: path,
    KAFKA_BROKERS: kafka.brokers,
    DATABASE_URL: postgres.url,
    ETHEREUM_RPC_URL: node.url,
  }).ended;
  return { code, err };
}

const INGEST = ["ingest", "ethereum", "--until", "ethereum=1002"];

test("a node whose data fails its proofs ends ingest with exit code 5, and says which proof, block and node", async () => {
  node.lie("altered amount", { height: 1001 });
  const { code, err } = await endOf(INGEST, "liar");
  node.heal();
  const where = `block 1001 ${at(trunk, 1001).hash} failed on node 127.0.0.1:${node.port}`;
  expect(err).toContain(`proof receipts of ${where}`);
  expect(code).toBe(5);
});

test("a node that refuses us ends ingest with exit code 4, long before patience with a silent one would", async () => {
  node.fail("401");
  const { code, err } = await endOf(INGEST, "refused");
  node.heal();
  expect(err).toContain(`127.0.0.1:${node.port}: HTTP 401 no`);
  expect(code).toBe(4);
});

test("a height below where the chain begins ends a whole run with exit code 2", async () => {
  const { code, err } = await endOf(["run", "--until", "ethereum=999"], "below");
  expect(err).toContain("the chain begins at 1000, above --until 999: ");
  expect(code).toBe(2);
});
