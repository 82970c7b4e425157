import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { syncCatalog } from "../../../warehouse/postgres/catalog.ts";
import type { Database } from "../../../warehouse/postgres/client.ts";
import { clear } from "./hours.ts";
import { startServer, type TestServer } from "./server.ts";

let server: TestServer;
let db: Database;
beforeAll(async () => {
  server = await startServer();
  db = (await server.migrated()).db;
});
beforeEach(() => clear(db));
afterAll(() => server.stop());

const chain = "ethereum" as never;

function catalog(version: string, decimals: number) {
  const label = { chain, address: "0xa1" as never, wallet: "", role: "hot", source: "list" };
  return {
    version,
    labels: [
      { ...label, exchange: "binance", validFrom: undefined },
      { ...label, exchange: "kraken", validFrom: Date.parse("2021-12-31T00:00:00Z") / 1000 },
    ],
    assets: [
      { chain, asset: "ETH", contract: undefined, decimals: 18 },
      { chain, asset: "USDT", contract: "0xdac1" as never, decimals },
    ],
  };
}

const usdtDecimals = () => db.query("select decimals from sluice.asset_units where asset = 'USDT'");
const rows = () =>
  db.query("select label_version, count(*)::int as rows from public.labels group by 1 order by 1");

it("stores labels and assets as their files, empty fields as null", async () => {
  await syncCatalog(db, catalog("a", 6));
  expect(await db.query("select * from public.labels order by valid_from nulls first")).toEqual([
    {
      chain,
      address: "0xa1",
      exchange: "binance",
      wallet: null,
      role: "hot",
      valid_from: null,
      source: "list",
      label_version: "a",
    },
    {
      chain,
      address: "0xa1",
      exchange: "kraken",
      wallet: null,
      role: "hot",
      valid_from: "2021-12-31",
      source: "list",
      label_version: "a",
    },
  ]);
  expect(await db.query("select * from public.assets order by asset")).toEqual([
    { chain, asset: "ETH", contract: null, decimals: 18, label_version: "a" },
    { chain, asset: "USDT", contract: "0xdac1", decimals: 6, label_version: "a" },
  ]);
});

it("keeps every version, once, and goes by the one applied last, also when that is an old one", async () => {
  for (const [version, decimals] of [
    ["a", 6],
    ["a", 6],
    ["b", 7],
  ] as const)
    await syncCatalog(db, catalog(version, decimals));
  expect(await rows()).toEqual([
    { label_version: "a", rows: 2 },
    { label_version: "b", rows: 2 },
  ]);
  expect(await usdtDecimals()).toEqual([{ decimals: 7 }]);
  await syncCatalog(db, catalog("a", 6));
  expect(await usdtDecimals()).toEqual([{ decimals: 6 }]);
  expect(await rows()).toHaveLength(2);
});

it("goes by the one applied last also where the server's clock was set back since", async () => {
  await syncCatalog(db, catalog("a", 6));
  // As a version looks that was applied before the clock went back by an hour.
  await db.query("update sluice.label_versions set applied_at = applied_at + interval '1 hour'");
  await syncCatalog(db, catalog("b", 7));
  expect(await usdtDecimals()).toEqual([{ decimals: 7 }]);
  await syncCatalog(db, catalog("a", 6));
  expect(await usdtDecimals()).toEqual([{ decimals: 6 }]);
  await syncCatalog(db, catalog("a", 6));
  expect(
    await db.query(
      `select label_version, applied_at > clock_timestamp() + interval '59 minutes' as ahead
       from sluice.label_versions order by applied_at`,
    ),
  ).toEqual([
    { label_version: "b", ahead: true },
    { label_version: "a", ahead: true },
  ]);
});

it("may be called by several sinks at once", async () => {
  await Promise.all([1, 2, 3, 4].map(() => syncCatalog(db, catalog("a", 6))));
  expect(await rows()).toEqual([{ label_version: "a", rows: 2 }]);
});

it("takes the rows of a chain that an earlier config did not name, at the same version of the files", async () => {
  await syncCatalog(db, catalog("a", 6));
  const bitcoin = {
    chain: "bitcoin" as never,
    address: "1A" as never,
    exchange: "okx",
    wallet: "",
    role: "",
  };
  await syncCatalog(db, {
    version: "a",
    labels: [{ ...bitcoin, validFrom: undefined, source: "list" }],
    assets: [{ chain: bitcoin.chain, asset: "BTC", contract: undefined, decimals: 8 }],
  });
  expect(await rows()).toEqual([{ label_version: "a", rows: 3 }]);
  expect(await db.query("select chain, asset, decimals from sluice.asset_units order by asset")).toEqual([
    { chain: "bitcoin", asset: "BTC", decimals: 8 },
    { chain, asset: "ETH", decimals: 18 },
    { chain, asset: "USDT", decimals: 6 },
  ]);
});
