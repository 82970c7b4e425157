import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import {
  type Database,
  type DbTransaction,
  openDatabase,
  type Queryable,
} from "../../../warehouse/postgres/client.ts";
import { runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { readSqlFiles } from "../../../warehouse/postgres/sql-files.ts";
import { statusRows } from "../../../warehouse/postgres/status.ts";
import { table24h } from "../../../warehouse/postgres/table.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { startServer, type TestServer } from "./server.ts";
import { block, contextOn, hashOf, recordsOf, reorg, START, stories } from "./story.ts";

let server: TestServer;
let long: Promise<Database> | undefined;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const catalog = () => ({
  version: "v1",
  labels: [],
  assets: [
    { chain: "ethereum" as never, asset: "ETH", contract: undefined, decimals: 18 },
    { chain: "ethereum" as never, asset: "USDT", contract: "0xdac1" as never, decimals: 6 },
  ],
});
const checks = readSqlFiles("checks");

/** A database filled by the sink with a story and one reorg. */
async function filled(blocks: readonly BlockFlows[]): Promise<Database> {
  const lost = { height: 100, hash: hashOf("lost"), parent: hashOf("b99"), time: START };
  const records = recordsOf(blocks, [reorg(3, [lost], { ...lost, hash: hashOf("b100") })]);
  const cluster = new MemoryCluster();
  for (const topic of [records.reorgs, records.final, records.flows, records.exchangeFlows]) {
    cluster.append(...topic);
  }
  const { db, url } = await server.migrated();
  const until = blocks.at(-1)?.height ?? 0;
  await runPostgresSink(contextOn(cluster.connect(), { until }), { url, kind: "ethereum", catalog });
  return db;
}

/** Fifty-four hours, a block every half hour: one whole day, and two windows of 24 hours. */
const longStory = Array.from({ length: 108 }, (_, index) =>
  block(100 + index, START + 1800 * index, [
    { flowType: "inflow", amount: BigInt(index + 1), to: "binance" },
    { flowType: "inter", amount: 3n, from: "binance", to: "kraken", asset: "USDT" },
  ]),
);

async function faults(db: Queryable): Promise<readonly string[]> {
  const found: string[] = [];
  for (const check of checks) {
    const rows = await db.query(check.text);
    if (rows.length > 0) found.push(check.name);
  }
  return found;
}

describe("the checks", () => {
  it("are there for every table and view of schema public, and every view of ours", async () => {
    const { db } = await server.migrated();
    const models = await db.query<{ name: string }>(`select relname || '.sql' as name from pg_class
      where not relispartition and (relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
        or relnamespace = 'sluice'::regnamespace and relkind = 'v') order by relname collate "C"`);
    expect(models.map((row) => row.name)).toEqual(checks.map((check) => check.name).sort());
  });

  it("return no row for whatever the sink stored", { timeout: 240_000 }, async () => {
    for (const blocks of [longStory, ...fc.sample(stories, { numRuns: 5, seed: 9 })]) {
      expect(await faults(await filled(blocks))).toEqual([]);
    }
  });

  it.each([
    ["chains.sql", "update public.chains set final_time = final_time + interval '1 second'"],
    ["blocks.sql", "update public.blocks set parent_hash = '0x1' where height = 102"],
    ["reorgs.sql", "update public.reorgs set depth = 2"],
    ["flow_legs.sql", "update public.flow_legs set leg = leg + 1000 where height = 104"],
    ["flow_legs.sql", "update public.flow_legs set block_hash = '0x1' where height = 104"],
    ["flow_legs.sql", "update public.flow_legs set flow_type = 'inter' where flow_type = 'inflow'"],
    ["flow_legs.sql", "update public.flow_legs set label_version = 'v0' where height = 104"],
    [
      "exchange_flows_hourly.sql",
      "update public.exchange_flows_hourly set inflow = inflow + 1 where complete",
    ],
    ["exchange_flows_hourly.sql", "update public.exchange_flows_hourly set complete = not complete"],
    ["exchange_flows_hourly.sql", "delete from public.exchange_flows_hourly"],
    ["exchange_flows_24h.sql", "update public.exchange_flows_hourly set complete = false"],
    ["exchange_flows_daily.sql", "update public.exchange_flows_hourly set complete = false"],
    ["assets.sql", "insert into public.assets values ('ethereum', 'USDT', '0x2', 7, 'v1')"],
    [
      "chain_windows.sql",
      "create or replace view sluice.chain_windows as select chain, first_time as covered_from, watermark, watermark as window_end from public.chains",
    ],
    [
      "asset_units.sql",
      "create or replace view sluice.asset_units as select chain, asset, decimals, 1::numeric as unit from public.assets",
    ],
    [
      "hourly_usd.sql",
      "create or replace view sluice.hourly_usd as select chain, exchange, asset, hour, 0::numeric as inflow_usd, 0::numeric as outflow_usd from public.exchange_flows_hourly",
    ],
    ["prices.sql", "insert into public.prices values ('ethereum', 'DOGE', '2023-07-13T01:00Z', 1)"],
  ])("%s finds: %s", async (name, sql) => {
    expect(
      await inLongStory(async (dbTransaction) => {
        await dbTransaction.query(sql);
        return faults(dbTransaction);
      }),
    ).toContain(name);
  });
});

describe("the charts", () => {
  it.each(readSqlFiles("charts").map((chart) => [chart.name, chart.text]))(
    "%s runs as sluice_reader",
    async (_, text) => {
      await inLongStory(async (dbTransaction) => {
        await dbTransaction.query("set local role sluice_reader");
        return dbTransaction.query(text);
      });
    },
  );

  it("of the 24 hours shows whole units and per cents", async () => {
    // The window ends at the 53rd hour: the inflows 59 to 106 against 11 to 58, 3960 against 1656.
    const chart = readSqlFiles("charts").find(({ name }) => name === "flows_24h.sql");
    const rows = await inLongStory((dbTransaction) => dbTransaction.query(chart?.text ?? ""));
    expect(rows).toMatchObject([
      { exchange: "binance", token: "ETH", inflow: "0.000000000000003960", inflow_change_percent: "139.13" },
      { exchange: "binance", token: "USDT", outflow: "0.000144", outflow_change_percent: "0.00" },
      { exchange: "kraken", token: "USDT", inflow: "0.000144", inflow_change_percent: "0.00" },
    ]);
  });
});

class RolledBack extends Error {}

/** Does `work` in the long story's database, and takes it back. */
async function inLongStory<T>(work: (dbTransaction: DbTransaction) => Promise<T>): Promise<T> {
  long ??= filled(longStory);
  const results: T[] = [];
  const done = (await long).transaction(async (dbTransaction) => {
    results.push(await work(dbTransaction));
    throw new RolledBack();
  });
  await done.catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  return results[0] as T;
}

describe("a database that was never filled", () => {
  it("has neither table nor status", async () => {
    const db = await openDatabase(server.url(await server.create()));
    try {
      expect(await table24h(db)).toEqual([]);
      expect(await statusRows(db)).toEqual([]);
    } finally {
      await db.close();
    }
  });
});
