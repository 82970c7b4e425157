import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { type ChainBlock, grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { type Sluice, startSluice } from "../support/sluice.ts";
import { rowsOf } from "../support/stores.ts";
import { type Bed, CONFIRMATIONS, makeBed, START } from "./bed.ts";

const PATIENCE_MS = 90_000;
const home = temporaryHome("one-chain");
let tip: ChainBlock = grow(simulateChain({ start: START }), 8);
let node: SimulatedNode;
let kafka: KafkaService;
let postgres: PostgresService;
let bed: Bed;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([testKafka(), testPostgres()]);
  node = await startNode(tip);
  bed = await makeBed("pair", { home, brokers: kafka.brokers, postgres: postgres.url, node: node.url }, [
    "well",
    "ill",
  ]);
});

afterAll(async () => {
  await node?.close();
  await Promise.all([kafka?.stop(), postgres?.stop()]);
  removeHome(home);
});

async function storedHeight(chain: string): Promise<number> {
  const query = `select final_height::int as height from chains where chain = '${chain}'`;
  const [row] = await rowsOf<{ height: number | null }>(bed.databaseUrl, query).catch(() => []);
  return row?.height ?? -1;
}

async function untilStored(run: Sluice, chain: string, height: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while ((await storedHeight(chain)) < height) {
    if (run.process.exitCode !== null) throw new Error(`the run ended:\n${run.printed.err}`);
    if (performance.now() > end) expect([chain, await storedHeight(chain)]).toEqual([chain, height]);
    await sleep(300);
  }
}

test("a chain that its store refuses is stopped; the other one of the same run goes on, and the run ends with the verdict", async () => {
  const first = startSluice(["run"], bed.env);
  const stored = tip.height - CONFIRMATIONS + 1;
  await Promise.all(["well", "ill"].map((chain) => untilStored(first, chain, stored)));
  first.process.kill("SIGTERM");
  expect((await first.ended).code).toBe(0);
  await rowsOf(bed.databaseUrl, "update chains set kind = 'bitcoin' where chain = 'ill'");

  const run = startSluice(["run"], bed.env);
  tip = grow(tip, 3);
  node.follow(tip);
  await untilStored(run, "well", stored + 3);
  while (!run.printed.err.includes("stage given up")) await sleep(100);
  tip = grow(tip, 3);
  node.follow(tip);
  await untilStored(run, "well", stored + 6);
  expect(run.process.exitCode).toBe(null);
  run.process.kill("SIGTERM");
  const end = await run.ended;
  expect([end.code, end.err]).toEqual([
    2,
    expect.stringContaining("chain ill is bitcoin in the database and ethereum in the config"),
  ]);
  expect(await storedHeight("ill")).toBe(stored);
});
