import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf } from "../../stream/kafka/block-record.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { realBlockAt, serveRealBlock } from "../support/real-bitcoin-node.ts";
import { sluice } from "../support/sluice.ts";

const EXAMPLE = "../shared/examples/bitcoin";
const HEIGHT = 300_025;
const AUTH = "sluice:pass word";

/** The worked example through the whole pipe, from a node that has one real block to all stores. */
describe.skipIf(!existsSync(EXAMPLE))("block 300025 (needs the example beside the project)", () => {
  const home = temporaryHome("bitcoin-example");
  const closers: (() => Promise<void>)[] = [];
  let env: Record<string, string> = {};
  let overRpc: Record<string, string> = {};
  let db: Client;

  beforeAll(async () => {
    const [kafka, postgres] = [await testKafka(), await testPostgres()];
    const block = realBlockAt(HEIGHT);
    const rest = await serveRealBlock(block, { auth: AUTH, rest: true });
    const rpc = await serveRealBlock(block, { auth: AUTH, rest: false });
    closers.push(kafka.stop, postgres.stop, rest.close, rpc.close);
    cpSync(EXAMPLE, home, { recursive: true });
    writeFileSync(join(home, ".cookie"), `${AUTH}\n`);
    env = {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      BITCOIN_RPC_URL: rest.url.replace("//", `//${AUTH.replace(" ", "%20")}@`),
      SLUICE_HOME: join(home, "data"),
      SLUICE_CONFIG: join(home, "sluice.json"),
    };
    overRpc = {
      ...env,
      BITCOIN_RPC_URL: rpc.url,
      BITCOIN_RPC_COOKIE_FILE: join(home, ".cookie"),
      SLUICE_CONFIG: prefixedConfig(home),
    };
    db = new Client({ connectionString: postgres.url });
    await db.connect();
    await sluice(["run", "--until", `bitcoin=${HEIGHT}`], env);
    await sluice(["ingest", "bitcoin", "--until", `bitcoin=${HEIGHT}`], overRpc);
  });

  afterAll(async () => {
    await db?.end();
    for (const close of closers.reverse()) await close();
    removeHome(home);
  });

  test("legs are the example's, in Postgres and in the lake", async () => {
    const [columns = [], ...wanted] = csv("flow_legs");
    expect(wanted.length).toBe(342);
    const inPostgres = await db.query(`select ${columns.join()} from flow_legs order by leg`);
    const query = `select ${columns.join()} from flow_legs order by leg`;
    const inLake = JSON.parse(await sluice(["sql", "--json", query], env)) as readonly object[];
    expect(texts(inPostgres.rows, columns)).toEqual(wanted);
    expect(texts(inLake, columns)).toEqual(wanted);
  });

  test("hours are the example's, in Postgres and in the lake", async () => {
    const [columns = [], ...wanted] = csv("exchange_flows_hourly");
    expect(wanted.map(([, exchange]) => exchange)).toEqual(["alpha", "beta", "gamma"]);
    const query = `select ${columns.join()} from exchange_flows_hourly order by exchange`;
    const inLake = JSON.parse(await sluice(["sql", "--json", query], env)) as readonly object[];
    expect(texts((await db.query(query)).rows, columns)).toEqual(wanted);
    expect(texts(inLake, columns)).toEqual(wanted);
  });

  test("the raw record is the example's, whether from REST or from getblock 3", async () => {
    const [rest] = await rawRecords(env, "bitcoin.blocks.raw.v1");
    const [rpc] = await rawRecords(env, "rpc.bitcoin.blocks.raw.v1");
    const wanted = JSON.parse(readFileSync(join(EXAMPLE, "raw-headers.json"), "utf8"));
    const proofs = "header,work,merkle,witness,height,spent,coinbase";
    for (const record of [rest, rpc]) {
      expect(record?.key).toBe(wanted.key);
      expect(record?.headers).toEqual({ ...wanted.headers, proofs });
    }
    const { bytes, spent } = realBlockAt(HEIGHT);
    expect(rest && Buffer.from(bytesOf(rest))).toEqual(Buffer.concat([bytes, spent]));
    expect(rpc && Buffer.from(bytesOf(rpc))).toEqual(Buffer.concat([bytes, spent]));
  });

  test("sluice verify finds nothing", async () => {
    const found = JSON.parse(await sluice(["verify", "--json"], env));
    expect(found.chains).toEqual([{ chain: "bitcoin", blocks: 1, refused: [] }]);
    expect(found.stores.findings).toEqual([]);
  });

  test("sluice status says in which form each node serves blocks", async () => {
    const said = async (of: Record<string, string>) => {
      const { chains } = JSON.parse(await sluice(["status", "--json"], of));
      return chains[0].nodes.map(({ says }: { says: string }) => says);
    };
    expect(await said(env)).toEqual(["REST, block and spent outputs as bytes"]);
    expect(await said(overRpc)).toEqual(["getblock 3"]);
  });
});

function prefixedConfig(home: string): string {
  const config = JSON.parse(readFileSync(join(home, "sluice.json"), "utf8"));
  const path = join(home, "rpc.json");
  writeFileSync(path, JSON.stringify({ ...config, kafka: { topicPrefix: "rpc." } }));
  return path;
}

function csv(name: string): readonly (readonly string[])[] {
  const text = readFileSync(join(EXAMPLE, `${name}.csv`), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
}

/** Rows as the example writes them: null is empty, hours are in UTC. */
function texts(rows: readonly object[], columns: readonly string[]): readonly (readonly string[])[] {
  return rows.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column])));
}

function cell(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  const text = value === null ? "" : String(value);
  return text.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\+00$/, "$1T$2Z");
}

async function rawRecords(
  env: Readonly<Record<string, string>>,
  topic: string,
): Promise<readonly KafkaRecord[]> {
  const log = pino({ level: "silent" });
  const broker = await openBroker({ brokers: String(env["KAFKA_BROKERS"]), security: {}, log });
  const { high } = await broker.bounds(topic);
  const reader = await broker.openReader(topic, 0);
  const records: KafkaRecord[] = [];
  while (reader.position() < high) records.push(...(await reader.read()));
  await reader.close();
  await broker.close();
  return records;
}
