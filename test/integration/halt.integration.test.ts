import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { type Database, openDatabase } from "../../warehouse/postgres/client.ts";
import { type ChainBlock, fork, grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { sluice, startSluice } from "../support/sluice.ts";
import { dumpStores, rowsOf } from "../support/stores.ts";

const START = 1000;
const RELEASED = 1017;
/** The last block that both branches hold. */
const FORK = 1014;
/** What the rival has released in the end: three confirmations below its tip. */
const RIVAL_RELEASED = 1030;
const [home, otherHome] = [temporaryHome("halt"), temporaryHome("oracle")];
const honest = grow(simulateChain({ start: START }), 19);
/** A branch that leaves the chain five blocks below its tip, where three confirmations released the block after. */
const rival: ChainBlock = fork(honest, 5, "rival");
let node: SimulatedNode;
let other: SimulatedNode;
let kafka: KafkaService;
let postgres: PostgresService;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([testKafka(), testPostgres()]);
  node = await startNode(honest);
  other = await startNode(grow(rival, 12));
});

afterAll(async () => {
  await node.close();
  await other.close();
  await Promise.all([kafka.stop(), postgres.stop()]);
  removeHome(home);
  removeHome(otherHome);
});

/** A home of its own on the shared servers, with its own topics and database. */
async function environment(of: string, url: string, name: string): Promise<Record<string, string>> {
  mkdirSync(of, { recursive: true });
  const ethereum = { kind: "ethereum", chainId: 1, start: START, finality: { confirmations: 3 }, pollMs: 50 };
  const seeds = join(process.cwd(), "sql/seeds");
  const files = { labels: [join(seeds, "exchange_addresses.csv")], assets: [join(seeds, "assets.csv")] };
  writeFileSync(
    join(of, "sluice.json"),
    JSON.stringify({ chains: { ethereum }, ...files, kafka: { topicPrefix: `${name}.` } }),
  );
  await onPostgres(postgres.url, (db) => db.query(`create database ${name}`));
  const own = { SLUICE_HOME: of, SLUICE_CONFIG: join(of, "sluice.json"), ETHEREUM_RPC_URL: url };
  return { ...own, KAFKA_BROKERS: kafka.brokers, DATABASE_URL: databaseUrl(name) };
}

function databaseUrl(name: string): string {
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function onPostgres<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(url);
  return work(db).finally(() => db.close());
}

/** The newest final block that Postgres has; -1 before its first. */
async function finalIn(name: string): Promise<number> {
  const query = "select max(height)::int as height from blocks where status = 'final'";
  const [newest] = await rowsOf<{ height: number | null }>(databaseUrl(name), query).catch(() => []);
  return newest?.height ?? -1;
}

/** The newest block that the lake has. */
async function finalHeight(env: Record<string, string>): Promise<number> {
  const answer = await sluice(["sql", "--json", "select max(height)::int as height from blocks"], env);
  return (JSON.parse(answer) as { height: number }[])[0]?.height ?? -1;
}

/** What Postgres keeps of what was taken back: rows a table. */
async function takenBack(): Promise<Readonly<Record<string, number>>> {
  const rows = await onPostgres(databaseUrl("halt"), (db) =>
    db.query<{ table_name: string; count: number }>(
      "select table_name, count(*)::int from sluice.taken_back where chain = 'ethereum' and rewind = 1 group by 1",
    ),
  );
  return Object.fromEntries(rows.map(({ table_name, count }) => [table_name, count]));
}

test("a reorg below what was released halts the chain with exit code 3, and so does each start after it, until a rewind", async () => {
  const env = await environment(home, node.url, "halt");
  const run = startSluice(["run"], env);
  await expect.poll(() => finalIn("halt"), { timeout: 120_000 }).toBe(RELEASED);
  await expect.poll(() => finalHeight(env), { timeout: 120_000, interval: 1000 }).toBe(RELEASED);
  expect((await startSluice(["rewind", "ethereum", "--to", String(FORK), "--yes"], env).ended).err).toMatch(
    /stages of ethereum are running/,
  );
  node.follow(rival);
  const end = await run.ended;
  expect(end.code).toBe(3);
  expect(end.err).toContain(rival.before?.before?.before?.before?.before?.hash ?? "");
  expect(await finalHeight(env)).toBe(RELEASED);

  const again = await startSluice(["run"], env).ended;
  expect(again.code).toBe(3);
  expect(await sluice(["status"], env)).toMatch(/halted/);
  const stores = (name: string, of: Record<string, string>) => dumpStores(databaseUrl(name), of);
  const before = await stores("halt", env);
  expect(before["lake blocks"]).toHaveLength(RELEASED - START + 1);

  const [incident] = JSON.parse(await sluice(["incident", "--json"], env)) as [{ incident: unknown }];
  const parted = honest.before?.before?.before?.before?.before;
  expect(incident.incident).toMatchObject({
    kind: "finality violation",
    released: { height: FORK + 1 },
    rival: { height: FORK + 1 },
    fork: { height: FORK, hash: parted?.hash },
  });
  expect(await sluice(["incident"], env)).toContain(`sluice rewind ethereum --to ${FORK} --yes`);

  const refused: readonly (readonly [string[], RegExp])[] = [
    [["--to", String(FORK)], /say --yes/],
    [["--to", "1018", "--yes"], /newest final block is 1017/],
    [["--to", "1016", "--yes"], /leaves the final blocks below/],
  ];
  for (const [args, reason] of refused) {
    const refusal = await startSluice(["rewind", "ethereum", ...args], env).ended;
    expect([args, refusal.code, refusal.err]).toEqual([args, 2, expect.stringMatching(reason)]);
  }
  expect(await stores("halt", env)).toEqual(before);

  await sluice(["rewind", "ethereum", "--to", String(FORK), "--yes"], env);
  expect(await finalHeight(env)).toBe(FORK);
  expect(await sluice(["incident"], env)).toBe("ethereum: no incident\n");
  await sluice(["verify"], env);
  const legs = (before["lake flow_legs"] ?? []).filter((row) => JSON.parse(row).height > FORK);
  expect(legs.length).toBeGreaterThan(0);
  expect(await takenBack()).toMatchObject({ blocks: RELEASED - FORK, flow_legs: legs.length });

  node.follow(grow(rival, 12));
  const otherEnv = await environment(otherHome, other.url, "oracle");
  await Promise.all(
    [env, otherEnv].map((of) => sluice(["run", "--until", `ethereum=${RIVAL_RELEASED}`], of)),
  );
  const expected = await stores("oracle", otherEnv);
  expect(expected["lake blocks"]).toHaveLength(RIVAL_RELEASED - START + 1);
  expect(await stores("halt", env)).toEqual(expected);
  await sluice(["verify"], env);
});
