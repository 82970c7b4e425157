import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startNode } from "../chain/node.ts";
import { realChain } from "../chain/real.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { type OracleBooks, type OracleLeg, oracleBooks, oracleFees, oracleLegs } from "../support/oracle.ts";
import { type RealBlock, readRealBlock, realBlocksAreThere } from "../support/real-blocks.ts";
import { sluice } from "../support/sluice.ts";

const EXAMPLE = "../shared/examples/ethereum";
const DATA = "../shared/data/ethereum";
const HEIGHTS = Array.from({ length: 11 }, (_, index) => 17_686_110 + index);
const LAST = 17_686_120;

const NO_BOOKS: OracleBooks = { labels: new Map(), tokens: new Map() };

/** Eleven real blocks in a row through the whole pipe, from a node to all stores. */
describe.skipIf(!realBlocksAreThere)("real blocks, unchanged (needs the data beside the project)", () => {
  const blocks = realBlocksAreThere ? HEIGHTS.map(readRealBlock) : [];
  const read = (name: string) => readFileSync(join(EXAMPLE, `${name}.csv`), "utf8");
  const home = temporaryHome("real");
  const closers: (() => Promise<void>)[] = [];
  let env: Record<string, string> = {};
  let db: Client;

  beforeAll(async () => {
    const [kafka, postgres] = [await testKafka(), await testPostgres()];
    const node = await startNode(realChain(DATA, { first: HEIGHTS[0]!, last: LAST }), { raw: false });
    closers.push(kafka.stop, postgres.stop, () => node.close());
    cpSync(EXAMPLE, home, { recursive: true });
    env = {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      ETHEREUM_RPC_URL: node.url,
      SLUICE_HOME: join(home, "data"),
      SLUICE_CONFIG: writeConfig(home),
    };
    db = new Client({ connectionString: postgres.url });
    await db.connect();
    await sluice(["run", "--until", `ethereum=${LAST}`], env);
  });

  afterAll(async () => {
    await db?.end();
    for (const close of closers.reverse()) await close();
    removeHome(home);
  });

  const books = realBlocksAreThere ? oracleBooks(read("labels"), read("assets")) : NO_BOOKS;
  const wantedLegs = () =>
    blocks.flatMap((real) =>
      oracleLegs(real, books).map((leg) => ({ height: String(BigInt(real.block.number)), ...leg })),
    );

  test("the legs in Postgres and in the lake are those of an independent computation, wei for wei", async () => {
    const columns =
      "height::text as height, tx_hash, asset, kind, flow_type, from_exchange, to_exchange, from_address, to_address, amount::text as amount";
    const inPostgres = (await db.query(`select ${columns} from flow_legs`)).rows as readonly object[];
    const inLake = JSON.parse(
      await sluice(["sql", "--json", `select ${columns} from flow_legs`], env),
    ) as readonly object[];
    expect(canonical(inPostgres)).toEqual(canonical(wantedLegs()));
    expect(canonical(inLake)).toEqual(canonical(wantedLegs()));
  });

  test("the aggregates are the sums of those legs, and fees those of the labelled senders", async () => {
    const columns =
      "exchange, asset, hour, inflow::text, outflow::text, netflow::text, inflow_inter::text, outflow_inter::text, intra::text, inflow_txs::text, outflow_txs::text, inflow_transfers::text, outflow_transfers::text, issued::text, redeemed::text, fees::text, complete, first_height::text, last_height::text";
    const { rows } = await db.query(`select ${columns} from exchange_flows_hourly`);
    const wanted = wantedHours(blocks, books);
    expect(wanted.length).toBeGreaterThan(20);
    expect(canonical(rows)).toEqual(canonical(wanted));
  });

  test("native and internal legs, fees and rewards of each labelled address are the node's own balance changes", async () => {
    const { rows } = await db.query(
      "select from_address, to_address, amount::text from flow_legs where kind in ('native', 'internal')",
    );
    const moved = new Map<string, bigint>();
    const add = (address: unknown, wei: bigint) => {
      if (!books.labels.has(String(address))) return;
      moved.set(String(address), (moved.get(String(address)) ?? 0n) + wei);
    };
    for (const row of rows as readonly Record<string, string>[]) {
      add(row["from_address"], -BigInt(String(row["amount"])));
      add(row["to_address"], BigInt(String(row["amount"])));
    }
    const recorded = new Map<string, bigint>();
    for (const change of blocks.flatMap((real) =>
      (real.traces ?? []).flatMap((trace) => trace.balanceChanges),
    )) {
      if (change.reason !== "TRANSFER" || !books.labels.has(change.address)) continue;
      const delta = BigInt(change.new) - BigInt(change.old);
      recorded.set(change.address, (recorded.get(change.address) ?? 0n) + delta);
    }
    expect(recorded.size).toBeGreaterThan(10);
    const changed = (balances: ReadonlyMap<string, bigint>) =>
      new Map([...balances].filter(([, delta]) => delta !== 0n));
    expect(changed(moved)).toEqual(changed(recorded));
  });

  test("blocks, chain and stores say what is final, and sluice verify finds nothing wrong", async () => {
    const chain = await db.query("select final_height::text, final_hash, first_height::text from chains");
    expect(chain.rows).toEqual([
      { final_height: String(LAST), final_hash: blocks.at(-1)?.block.hash, first_height: "17686110" },
    ]);
    const { rows } = await db.query("select height::text, block_hash, status from blocks order by height");
    expect(rows).toEqual(
      blocks.map(({ block }) => ({
        height: String(BigInt(block.number)),
        block_hash: block.hash,
        status: "final",
      })),
    );
    await sluice(["verify"], env);
  });

  test("already past it: every stage ends at once with exit code 0", async () => {
    for (const stage of [
      ["ingest", "ethereum"],
      ["gate", "ethereum"],
      ["flows", "ethereum"],
      ["aggregate", "ethereum"],
      ["warehouse", "postgres"],
      ["warehouse", "parquet"],
    ]) {
      await sluice([...stage, "--until", `ethereum=${LAST}`], env);
    }
  });
});

/** The rows of `exchange_flows_hourly` that the oracle's legs and fees make, amounts and counts as text. */
function wantedHours(blocks: readonly RealBlock[], books: OracleBooks): readonly object[] {
  const hours = new Map<string, HourSum>();
  for (const real of blocks) {
    const height = Number(real.block.number);
    const hour = new Date(Math.floor(Number(real.block["timestamp"]) / 3600) * 3_600_000);
    const sumOf = (exchange: string, asset: string): HourSum => {
      const key = `${exchange} ${asset} ${hour.toISOString()}`;
      const sum = hours.get(key) ?? { exchange, asset, hour, legs: [], fees: 0n, heights: [] };
      sum.heights.push(height);
      hours.set(key, sum);
      return sum;
    };
    for (const leg of oracleLegs(real, books)) {
      const exchanges = new Set([leg.from_exchange, leg.to_exchange].filter((name) => name !== null));
      for (const exchange of exchanges) sumOf(exchange, leg.asset).legs.push(leg);
    }
    for (const [exchange, wei] of oracleFees(real, books)) if (wei > 0n) sumOf(exchange, "ETH").fees += wei;
  }
  return [...hours.values()].map(hourRow);
}

/** What an hour's row is made of. */
interface HourSum {
  readonly exchange: string;
  readonly asset: string;
  readonly hour: Date;
  readonly legs: OracleLeg[];
  fees: bigint;
  /** Of the blocks that contributed. */
  readonly heights: number[];
}

function hourRow({ exchange, asset, hour, legs, fees, heights }: HourSum): object {
  const ofType = (side: "from_exchange" | "to_exchange", ...types: readonly string[]) =>
    legs.filter((leg) => leg[side] === exchange && types.includes(leg.flow_type));
  const total = (some: readonly OracleLeg[]) => some.reduce((sum, leg) => sum + BigInt(leg.amount), 0n);
  const txs = (some: readonly OracleLeg[]) => new Set(some.map((leg) => leg.tx_hash)).size;
  const inflow = ofType("to_exchange", "inflow", "inter");
  const outflow = ofType("from_exchange", "outflow", "inter");
  const figures = {
    inflow: total(inflow),
    outflow: total(outflow),
    netflow: total(inflow) - total(outflow),
    inflow_inter: total(ofType("to_exchange", "inter")),
    outflow_inter: total(ofType("from_exchange", "inter")),
    intra: total(ofType("from_exchange", "intra")),
    inflow_txs: txs(inflow),
    outflow_txs: txs(outflow),
    inflow_transfers: inflow.length,
    outflow_transfers: outflow.length,
    issued: total(ofType("to_exchange", "issued")),
    redeemed: total(ofType("from_exchange", "redeemed")),
    fees,
    first_height: Math.min(...heights),
    last_height: Math.max(...heights),
  };
  const texts = Object.entries(figures).map(([name, figure]) => [name, String(figure)]);
  return { exchange, asset, hour, complete: false, ...Object.fromEntries(texts) };
}

function writeConfig(home: string): string {
  const config = JSON.parse(readFileSync(join(home, "sluice.json"), "utf8"));
  config.chains.ethereum.start = HEIGHTS[0];
  const path = join(home, "real.json");
  writeFileSync(path, JSON.stringify(config));
  return path;
}

function canonical(rows: readonly object[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
}
