import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hourlyFromJson, WATERMARK_KEY } from "../../stream/flow/json.ts";
import { textOf } from "../../stream/kafka/block-record.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { type ChainBlock, fork, grow, outweigh, simulateBitcoin } from "../chain/bitcoin/chain.ts";
import { type SimulatedBitcoinNode, startBitcoinNode } from "../chain/bitcoin/node.ts";
import { back, blocksOf } from "../chain/walk.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import type { Holders } from "../stream/bitcoin/oracle.ts";
import { holdersIn, labelFile, oracleBlocks, oracleHours, printedOf } from "../support/bitcoin-tables.ts";
import { childOf, untilGone } from "../support/processes.ts";
import { followRaw, type RawTopic } from "../support/raw-topic.ts";
import { type Sluice, sluice, startSluice } from "../support/sluice.ts";

const CONFIRMATIONS = 6;
const BETWEEN_FORKS = 6;
/** How deep each reorg is, and which stages are killed while it is announced. */
const REORGS: readonly (readonly [depth: number, victims: readonly string[]])[] = [
  [1, ["aggregate bitcoin"]],
  [2, ["warehouse parquet --chain bitcoin"]],
  [3, ["flows bitcoin", "warehouse postgres --chain bitcoin"]],
  [4, ["gate bitcoin"]],
  [5, ["ingest bitcoin"]],
];

/** A reorg that the story told, as the gate must see it. */
interface ToldReorg {
  readonly depth: number;
  readonly old_tip_hash: string;
  readonly new_tip_hash: string;
  readonly ancestor_hash: string;
}

describe("reorgs of a Bitcoin chain whose times go back and forth, with kills among them", () => {
  const home = temporaryHome("bitcoin-reorgs");
  const closers: (() => Promise<void>)[] = [];
  const told: ToldReorg[] = [];
  const orphaned = new Set<string>();
  /** Each stage that was killed, and the process that it was then. */
  const killed = new Map<string, number>();
  let env: Record<string, string> = {};
  let run: Sluice;
  let node: SimulatedBitcoinNode;
  let tip: ChainBlock;
  let raw: RawTopic;
  let db: Client;
  let holders: Holders;
  let final: readonly ChainBlock[];

  beforeAll(async () => {
    tip = simulateBitcoin({ jitterS: 3500, seed: 4 });
    holders = holdersIn(blocksOf(grow(tip, 80)).map(printedOf));
    const [kafka, postgres] = [await testKafka(), await testPostgres()];
    node = await startBitcoinNode(tip);
    raw = await followRaw(kafka.brokers, "bitcoin.blocks.raw.v1");
    closers.push(kafka.stop, postgres.stop, () => node.close(), raw.close);
    db = new Client({ connectionString: postgres.url });
    await db.connect();
    env = {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      BITCOIN_RPC_URL: node.url,
      SLUICE_HOME: home,
      SLUICE_CONFIG: writeConfig(home, holders),
    };
    run = startSluice(["run"], env);
    await tellStory();
    run.process.kill("SIGTERM");
    const end = await run.ended;
    expect([end.code, end.code === 0 ? "" : end.err]).toEqual([0, ""]);
    final = blocksOf(back(tip, CONFIRMATIONS - 1));
    await sluice(["run", "--until", `bitcoin=${final.length}`], env);
  });

  afterAll(async () => {
    run?.process.kill("SIGKILL");
    await db?.end();
    for (const close of closers.reverse()) await close();
    removeHome(home);
  });

  async function follow(next: ChainBlock): Promise<void> {
    tip = next;
    node.follow(next);
    await raw.untilHead(next.hash);
  }

  /** Shows the node's new branch; `strike` comes while it is on its way. */
  async function reorganize(next: ChainBlock, depth: number, strike: () => Promise<void>): Promise<void> {
    const ancestor = back(tip, depth);
    for (let block = tip; block !== ancestor; block = back(block, 1)) orphaned.add(block.hash);
    told.push({
      depth,
      old_tip_hash: tip.hash,
      new_tip_hash: back(next, next.height - ancestor.height - 1).hash,
      ancestor_hash: ancestor.hash,
    });
    node.follow(next);
    await strike();
    await follow(next);
  }

  async function killStages(stages: readonly string[]): Promise<void> {
    for (const stage of stages) {
      const victim = await childOf(Number(run.process.pid), stage);
      killed.set(stage, victim);
      process.kill(victim, "SIGKILL");
    }
  }

  /** Kills the supervisor, with which all its stages end, and starts another one. */
  async function killRun(): Promise<void> {
    for (const [stage, victim] of killed)
      expect(await childOf(Number(run.process.pid), stage)).not.toBe(victim);
    run.process.kill("SIGKILL");
    await run.ended;
    await untilGone(home);
    run = startSluice(["run"], env);
  }

  /** Each depth once, by REST and by getblock 3 in turn; at last a branch that is shorter and heavier, and the run is killed. */
  async function tellStory(): Promise<void> {
    await follow(grow(tip, 14));
    for (const [depth, victims] of REORGS) {
      node.offerRest(depth % 2 === 1);
      for (let grown = 0; grown < BETWEEN_FORKS; grown += 1) await follow(grow(tip, 1));
      await reorganize(fork(tip, depth, `fork ${depth}`), depth, () => killStages(victims));
    }
    await reorganize(outweigh(tip, { depth: 5, fewer: 2, branch: "heavy" }), 5, killRun);
    for (let grown = 0; grown < 2 * CONFIRMATIONS; grown += 1) await follow(grow(tip, 1, "after"));
  }

  test("times go back and forth in it", () => {
    const times = final.map(({ time }) => time);
    const falls = times.filter((time, index) => time < (times[index - 1] ?? 0));
    expect(falls.length).toBeGreaterThan(10);
  });

  test("every reorg is a row, and every block that left the chain", async () => {
    const columns = "depth::integer, old_tip_hash, new_tip_hash, ancestor_hash";
    const { rows } = await db.query(`select ${columns} from reorgs order by raw_offset`);
    expect(rows).toEqual(told);
    const blocks = await db.query("select block_hash, status from blocks order by height, block_hash");
    const hashes = (status: string) =>
      blocks.rows.filter((row) => row.status === status).map((row) => row.block_hash as string);
    expect(hashes("final")).toEqual(final.map(({ hash }) => hash));
    expect(new Set(hashes("orphaned"))).toEqual(orphaned);
  });

  test("legs are an independent computation's, in Postgres and in the lake", async () => {
    const wanted = oracleBlocks(final, holders).flatMap(({ block, legs }) =>
      legs.map((leg) => ({ height: String(block.height), block_hash: block.hash as string, ...leg })),
    );
    const named = ["from_exchange", "to_exchange"].map((side) => `coalesce(${side}, '') as ${side}`).join();
    const query = `select height::text as height, block_hash, tx_hash, kind, flow_type, ${named}, from_address, to_address, amount::text as amount from flow_legs`;
    const inLake = JSON.parse(await sluice(["sql", "--json", query], env)) as readonly object[];
    expect(wanted.length).toBeGreaterThan(500);
    expect(sorted((await db.query(query)).rows)).toEqual(sorted(wanted));
    expect(sorted(inLake)).toEqual(sorted(wanted));
  });

  test("hours are the sums of those legs, complete as far as the median time past goes", async () => {
    const wanted = oracleHours(oracleBlocks(final, holders));
    const texts = ["inflow", "outflow", "netflow", "inflow_inter", "outflow_inter", "issued", "fees"];
    const counts = ["inflow_txs", "outflow_txs", "inflow_transfers", "outflow_transfers"];
    const integers = [...counts, "first_height", "last_height"];
    const columns = [
      "exchange, hour, complete",
      ...texts.map((name) => `${name}::text`),
      ...integers.map((name) => `${name}::integer`),
    ];
    const { rows } = await db.query(
      `select ${columns.join()} from exchange_flows_hourly order by exchange, hour`,
    );
    expect(wanted.filter(({ complete }) => complete).length).toBeGreaterThan(10);
    expect(wanted.filter(({ complete }) => !complete).length).toBeGreaterThan(0);
    expect(rows.map((row) => ({ ...row, hour: row.hour.toISOString() }))).toEqual(wanted);
  });

  test("an hour that was once said to be complete was never said otherwise, nor anything else of it", async () => {
    const broker = await openBroker({
      brokers: String(env["KAFKA_BROKERS"]),
      security: {},
      log: pino({ level: "silent" }),
    });
    const topic = "bitcoin.exchange-flows.v1";
    const { high } = await broker.bounds(topic);
    const reader = await broker.openReader(topic, 0);
    const complete = new Set<string>();
    const changed: string[] = [];
    while (reader.position() < high) {
      for (const record of await reader.read()) {
        if (record.key === WATERMARK_KEY) continue;
        if (complete.has(record.key)) changed.push(record.key);
        if (hourlyFromJson(textOf(record)).complete) complete.add(record.key);
      }
    }
    await reader.close();
    await broker.close();
    expect(complete.size).toBeGreaterThan(10);
    expect(changed).toEqual([]);
  });

  test("sluice verify finds nothing", async () => {
    const found = JSON.parse(await sluice(["verify", "--json"], env));
    expect(found.chains).toEqual([{ chain: "bitcoin", blocks: raw.announced.length, refused: [] }]);
    expect(found.stores.findings).toEqual([]);
  });
});

function writeConfig(home: string, holders: Holders): string {
  const bitcoin = {
    kind: "bitcoin",
    network: "regtest",
    start: 1,
    finality: { confirmations: CONFIRMATIONS },
    pollMs: 20,
  };
  const path = join(home, "sluice.json");
  const files = { labels: ["labels.csv"], assets: ["assets.csv"] };
  writeFileSync(path, JSON.stringify({ chains: { bitcoin }, ...files }));
  writeFileSync(join(home, "labels.csv"), labelFile(holders));
  writeFileSync(join(home, "assets.csv"), "chain,asset,contract,decimals\nbitcoin,BTC,,8\n");
  return path;
}

function sorted(rows: readonly object[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
}
