import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startNode } from "../chain/node.ts";
import { realChain } from "../chain/real.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { type OracleBooks, oracleBooks, oracleFees, oracleLegs } from "../support/oracle.ts";
import { readRealBlock, realBlocksAreThere } from "../support/real-blocks.ts";
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
    const { rows } = await db.query(
      "select exchange, asset, inflow::text, outflow::text, intra::text, issued::text, fees::text, complete from exchange_flows_hourly",
    );
    const legs = wantedLegs();
    const sum = (pick: (leg: (typeof legs)[number]) => boolean) =>
      String(legs.filter(pick).reduce((total, leg) => total + BigInt(leg.amount), 0n));
    const fees = new Map<string, bigint>();
    for (const [exchange, wei] of blocks.flatMap((real) => [...oracleFees(real, books)])) {
      fees.set(exchange, (fees.get(exchange) ?? 0n) + wei);
    }
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows as readonly Record<string, unknown>[]) {
      const of = (side: "from" | "to", types: readonly string[]) =>
        sum(
          (leg) =>
            leg[`${side}_exchange`] === row["exchange"] &&
            leg.asset === row["asset"] &&
            types.includes(leg.flow_type),
        );
      expect(row).toEqual({
        exchange: row["exchange"],
        asset: row["asset"],
        inflow: of("to", ["inflow", "inter"]),
        outflow: of("from", ["outflow", "inter"]),
        intra: of("from", ["intra"]),
        issued: of("to", ["issued"]),
        fees: row["asset"] === "ETH" ? String(fees.get(String(row["exchange"])) ?? 0n) : "0",
        complete: false,
      });
    }
  });

  test("native and internal legs, fees and rewards of each labelled address are the node's own balance changes", async () => {
    const { rows } = await db.query(
      "select from_address, to_address, amount::text, kind from flow_legs where asset = 'ETH'",
    );
    const moved = new Map<string, bigint>();
    const add = (address: unknown, wei: bigint) =>
      moved.set(String(address), (moved.get(String(address)) ?? 0n) + wei);
    for (const row of rows as readonly Record<string, string>[]) {
      if (row["kind"] === "reward") continue;
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
    for (const [address, delta] of recorded)
      expect([address, moved.get(address) ?? 0n]).toEqual([address, delta]);
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
