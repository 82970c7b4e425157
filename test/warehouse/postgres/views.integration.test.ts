import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../../warehouse/postgres/client.ts";
import { table24h } from "../../../warehouse/postgres/table.ts";
import { clear, putAssets, putChain, putHours } from "./hours.ts";
import { startServer, type TestServer } from "./server.ts";

let server: TestServer;
let db: Database;
beforeAll(async () => {
  server = await startServer();
  db = (await server.migrated()).db;
});
beforeEach(() => clear(db));
afterAll(() => server.stop());

describe("exchange_flows_daily", () => {
  const daily = () =>
    db.query(
      `select date, inflow, outflow, netflow, inflow_txs, inflow_transfers, fees, complete
       from public.exchange_flows_daily order by date`,
    );

  it("sums the hours of a UTC day, exactly, whatever the session's zone", async () => {
    const big = 10n ** 77n;
    await putChain(db, { first: "2023-07-12T23:59:59Z", watermark: "2023-07-15T00:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-12T23:00:00Z", inflow: 1n },
      { hour: "2023-07-13T00:00:00Z", inflow: big, outflow: 3n, fees: 4n },
      { hour: "2023-07-13T23:00:00Z", inflow: big + 5n, outflow: 9n },
      { hour: "2023-07-14T00:00:00Z", outflow: 2n },
    ]);
    const expected = [
      { date: "2023-07-12", inflow: "1", outflow: "0", netflow: "1", fees: "0", complete: false },
      {
        date: "2023-07-13",
        inflow: `${2n * big + 5n}`,
        outflow: "12",
        netflow: `${2n * big - 7n}`,
        fees: "4",
        complete: true,
      },
      { date: "2023-07-14", inflow: "0", outflow: "2", netflow: "-2", fees: "0", complete: true },
    ].map((row, index) => ({
      ...row,
      inflow_txs: index === 1 ? "2" : "1",
      inflow_transfers: index === 1 ? "4" : "2",
    }));
    expect(await daily()).toEqual(expected);
    const elsewhere = await db.transaction(async (dbTransaction) => {
      await dbTransaction.query("set local timezone to 'Asia/Kathmandu'");
      return dbTransaction.query<{ date: string }>(
        "select date from public.exchange_flows_daily order by date",
      );
    });
    expect(elsewhere.map((row) => row.date)).toEqual(["2023-07-12", "2023-07-13", "2023-07-14"]);
  });

  it.each([
    {
      why: "its end is the watermark",
      first: "2023-07-13T00:00:00Z",
      watermark: "2023-07-14T00:00:00Z",
      complete: true,
    },
    {
      why: "the watermark is below its end",
      first: "2023-07-13T00:00:00Z",
      watermark: "2023-07-13T23:59:59Z",
      complete: false,
    },
    { why: "there is no watermark yet", first: "2023-07-13T00:00:00Z", watermark: null, complete: false },
    {
      why: "the first block lies within it",
      first: "2023-07-13T00:00:01Z",
      watermark: "2023-07-15T00:00:00Z",
      complete: false,
    },
    {
      why: "the chain is known from block 1",
      first: "2023-07-13T00:00:01Z",
      firstHeight: 1,
      watermark: "2023-07-15T00:00:00Z",
      complete: true,
    },
    {
      why: "the chain is known from block 2 only",
      first: "2023-07-13T00:00:01Z",
      firstHeight: 2,
      watermark: "2023-07-15T00:00:00Z",
      complete: false,
    },
    {
      why: "Bitcoin's first block is 2 h before it",
      kind: "bitcoin",
      first: "2023-07-12T22:00:00Z",
      watermark: "2023-07-15T00:00:00Z",
      complete: true,
    },
    {
      why: "Bitcoin's first block is less than 2 h before it",
      kind: "bitcoin",
      first: "2023-07-12T22:00:01Z",
      watermark: "2023-07-15T00:00:00Z",
      complete: false,
    },
  ])("is complete: $complete, when $why", async ({ why: _, complete, ...chain }) => {
    await putChain(db, chain);
    await putHours(db, [{ hour: "2023-07-13T12:00:00Z", inflow: 1n }]);
    expect(await daily()).toMatchObject([{ date: "2023-07-13", complete }]);
  });
});

describe("exchange_flows_24h", () => {
  const flows = () =>
    db.query(
      `select exchange, window_start, window_end, inflow, inflow_previous, inflow_change, outflow, outflow_previous, outflow_change, complete
       from public.exchange_flows_24h order by exchange`,
    );
  const window = {
    window_start: new Date("2023-07-13T10:00:00Z"),
    window_end: new Date("2023-07-14T10:00:00Z"),
  };

  it("compares the last 24 complete hours with the 24 before, to the hour", async () => {
    await putChain(db, { first: "2023-07-12T10:00:00Z", watermark: "2023-07-14T10:59:59Z" });
    await putHours(db, [
      { hour: "2023-07-12T10:00:00Z", inflow: 30n, outflow: 4n },
      { hour: "2023-07-13T09:00:00Z", inflow: 10n },
      { hour: "2023-07-13T10:00:00Z", inflow: 7n, outflow: 5n },
      { hour: "2023-07-14T09:00:00Z", inflow: 13n },
      { hour: "2023-07-14T10:00:00Z", inflow: 1_000n },
      { hour: "2023-07-12T09:00:00Z", inflow: 1_000n },
    ]);
    expect(await flows()).toEqual([
      {
        exchange: "binance",
        ...window,
        complete: true,
        inflow: "20",
        inflow_previous: "40",
        inflow_change: "-0.50000000000000000000",
        outflow: "5",
        outflow_previous: "4",
        outflow_change: "0.25000000000000000000",
      },
    ]);
  });

  it("has no change where the previous is zero, and the whole of it where nothing is left", async () => {
    await putChain(db, { first: "2023-07-12T10:00:00Z", watermark: "2023-07-14T10:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-13T11:00:00Z", exchange: "binance", inflow: 7n },
      { hour: "2023-07-13T01:00:00Z", exchange: "kraken", inflow: 7n },
      { hour: "2023-07-13T11:00:00Z", exchange: "quiet", fees: 7n },
    ]);
    expect(await flows()).toMatchObject([
      { exchange: "binance", inflow: "7", inflow_previous: "0", inflow_change: null },
      { exchange: "kraken", inflow: "0", inflow_previous: "7", inflow_change: "-1.00000000000000000000" },
    ]);
  });

  it.each([
    {
      why: "the 24 hours before begin before the first block",
      first: "2023-07-12T10:00:01Z",
      complete: true,
      inflow: "20",
    },
    { why: "the 24 hours themselves do", first: "2023-07-13T10:00:01Z", complete: false, inflow: "13" },
  ])("knows no previous when $why", async ({ first, complete, inflow }) => {
    await putChain(db, { first, watermark: "2023-07-14T10:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-13T09:00:00Z", inflow: 10n },
      { hour: "2023-07-13T10:00:00Z", inflow: 7n },
      { hour: "2023-07-14T09:00:00Z", inflow: 13n },
    ]);
    expect(await flows()).toMatchObject([{ inflow, inflow_previous: null, inflow_change: null, complete }]);
  });

  it("ends at each chain's own watermark, and is empty without one", async () => {
    await putChain(db, { first: "2023-07-01T00:00:00Z", watermark: "2023-07-14T10:00:00Z" });
    await putChain(db, { name: "other", first: "2023-07-01T00:00:00Z", watermark: null });
    await putHours(db, [
      { hour: "2023-07-14T09:00:00Z", inflow: 1n },
      { hour: "2023-07-14T09:00:00Z", inflow: 1n, chain: "other" },
    ]);
    expect(await flows()).toHaveLength(1);
  });
});

describe("whole units and US dollars", () => {
  it("shows exact whole units, by the decimals of the version applied last that names the asset", async () => {
    await putAssets(db, { ETH: 18, USDT: 6, OLD: 2 }, "v1");
    await putAssets(db, { ETH: 18, USDT: 7 }, "v2");
    await putChain(db, { first: "2023-07-01T00:00:00Z", watermark: "2023-07-15T00:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-13T01:00:00Z", asset: "ETH", inflow: 2n ** 256n - 1n, outflow: 1n },
      { hour: "2023-07-13T01:00:00Z", asset: "USDT", inflow: 15_000_000n },
      { hour: "2023-07-13T01:00:00Z", asset: "OLD", inflow: 150n },
      { hour: "2023-07-13T01:00:00Z", asset: "NEW", inflow: 150n },
    ]);
    const rows = await db.query(
      "select asset, inflow, outflow, inflow_usd from public.exchange_flows_daily_usd order by asset",
    );
    expect(rows).toEqual([
      {
        asset: "ETH",
        inflow: "115792089237316195423570985008687907853269984665640564039457.584007913129639935",
        outflow: "0.000000000000000001",
        inflow_usd: null,
      },
      { asset: "NEW", inflow: null, outflow: null, inflow_usd: null },
      { asset: "OLD", inflow: "1.50", outflow: "0.00", inflow_usd: null },
      { asset: "USDT", inflow: "1.5000000", outflow: "0.0000000", inflow_usd: null },
    ]);
  });

  it("sums a day's hours at their own prices and rounds once, half to even", async () => {
    await putAssets(db, { ETH: 2 });
    await putChain(db, { first: "2023-07-01T00:00:00Z", watermark: "2023-07-15T00:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-13T01:00:00Z", inflow: 150n, outflow: 50n },
      { hour: "2023-07-13T02:00:00Z", inflow: 50n },
      { hour: "2023-07-14T01:00:00Z", inflow: 100n },
    ]);
    const usd = () =>
      db.query(
        "select inflow_usd, outflow_usd, netflow_usd from public.exchange_flows_daily_usd order by date",
      );
    await db.query("insert into public.prices values ('ethereum', 'ETH', '2023-07-13T01:00Z', 1000.01)");
    expect((await usd())[0]).toEqual({ inflow_usd: null, outflow_usd: null, netflow_usd: null });
    await db.query("insert into public.prices values ('ethereum', 'ETH', '2023-07-13T02:00Z', 2000.02)");
    // 1.5 × 1000.01 + 0.5 × 2000.02 = 2500.025, and 0.5 × 1000.01 = 500.005: the even cent of each
    expect(await usd()).toEqual([
      { inflow_usd: "2500.02", outflow_usd: "500.00", netflow_usd: "2000.02" },
      { inflow_usd: null, outflow_usd: null, netflow_usd: null },
    ]);
  });

  it.each([
    ["0.005", "0.00"],
    ["0.015", "0.02"],
    ["-0.005", "0.00"],
    ["-0.015", "-0.02"],
    ["0.0251", "0.03"],
    ["0.025", "0.02"],
    ["7", "7.00"],
  ])("rounds %s to %s", async (value, rounded) => {
    const [row] = await db.query(`select sluice.round_half_even(${value}, 2)::text as rounded`);
    expect(row).toEqual({ rounded });
  });

  it("gives the 24 h table in whole units, one chain or all", async () => {
    await putAssets(db, { ETH: 18 });
    await putChain(db, { first: "2023-07-12T10:00:00Z", watermark: "2023-07-14T10:00:00Z" });
    await putHours(db, [
      { hour: "2023-07-13T09:00:00Z", inflow: 2n * 10n ** 18n },
      { hour: "2023-07-13T10:00:00Z", inflow: 3n * 10n ** 18n, outflow: 1n },
    ]);
    const rows = await table24h(db);
    expect(rows).toEqual([
      {
        chain: "ethereum",
        exchange: "binance",
        asset: "ETH",
        token: "ETH",
        window_start: "2023-07-13T10:00:00Z",
        window_end: "2023-07-14T10:00:00Z",
        inflow: "3.000000000000000000",
        inflow_previous: "2.000000000000000000",
        inflow_change: "0.50000000000000000000",
        outflow: "0.000000000000000001",
        outflow_previous: "0.000000000000000000",
        outflow_change: null,
        complete: true,
      },
    ]);
    expect(await table24h(db, "other" as never)).toEqual([]);
  });

  it("writes tokens as the field does: those of contracts with their standard, under the last label version and before", async () => {
    await putAssets(db, { ETH: 18, USDT: 6, GONE: 6 });
    await putAssets(db, { ETH: 18, USDT: 6 }, "v2");
    await putChain(db, { first: "2023-07-12T10:00:00Z", watermark: "2023-07-14T10:00:00Z" });
    const hour = "2023-07-13T10:00:00Z";
    await putHours(
      db,
      ["ETH", "GONE", "USDT"].map((asset) => ({ hour, asset, inflow: 1n })),
    );
    const rows = await table24h(db);
    expect(rows.map(({ asset, token }) => [asset, token])).toEqual([
      ["ETH", "ETH"],
      ["GONE", "GONE_ERC20"],
      ["USDT", "USDT_ERC20"],
    ]);
  });
});
