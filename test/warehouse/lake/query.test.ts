import { copyFileSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QueryFailed, queryLake } from "../../../warehouse/lake/query.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { contextOn, publish, tell } from "./story.ts";

const HUGE = 2n ** 200n;
const NEVER = new AbortController().signal;
/** Hours of work for one thread. */
const ENDLESS = "select sum(hash(a.range + b.range)::bignum) from range(10000000) a, range(10000000) b";
/** So that without a second look some of eighty queries fail. */
const REPLACED_EVERY_MS = 4;

let lake = "";
beforeAll(async () => {
  lake = join(mkdtempSync(join(tmpdir(), "sluice-query-")), "lake");
  const cluster = new MemoryCluster();
  publish(
    cluster,
    tell([
      { at: "2023-07-13T10:00:00Z", legs: [["inflow", "binance", "ETH", HUGE]] },
      { at: "2023-07-13T11:00:00Z", legs: [["inflow", "binance", "ETH", HUGE]] },
    ]),
  );
  await runLakeSink(contextOn(cluster, { until: 101 }), { lake });
});
afterAll(() => rmSync(join(lake, ".."), { recursive: true, force: true }));

/** A lake of one day's blocks from 100 on, without flows. */
async function writeBlocks(folder: string, count: number): Promise<void> {
  const cluster = new MemoryCluster();
  const midnightMs = Date.parse("2023-07-13T00:00:00Z");
  const chapters = Array.from({ length: count }, (_, block) => ({
    at: new Date(midnightMs + block * 12_000).toISOString(),
    legs: [],
  }));
  publish(cluster, tell(chapters));
  await runLakeSink(contextOn(cluster, { until: 99 + count }), { lake: folder });
}

describe("queryLake", () => {
  it("prints a table, times in UTC, exact beyond 2^128", async () => {
    const sql = "select exchange, date, inflow from exchange_flows_daily";
    expect(await queryLake(lake, sql, { json: false, signal: NEVER })).toBe(
      [
        `exchange  date        ${"inflow".padStart(61)}`,
        `--------  ----------  ${"-".repeat(61)}`,
        `binance   2023-07-13  ${2n * HUGE}`,
        "(1 row)",
        "",
      ].join("\n"),
    );
  });

  it("prints JSON: what a double can't hold is text", async () => {
    const sql =
      "select hour, inflow, first_height, inflow::bignum as big, null as nothing from exchange_flows_hourly order by hour limit 1";
    expect(JSON.parse(await queryLake(lake, sql, { json: true, signal: NEVER }))).toEqual([
      { hour: "2023-07-13 10:00:00+00", inflow: `${HUGE}`, first_height: 100, big: `${HUGE}`, nothing: null },
    ]);
  });

  it("prints sums of counts as numbers, as it does counts", async () => {
    const sql = "select sum(inflow_txs) as txs, sum(inflow::bignum) as inflow from exchange_flows_hourly";
    expect(JSON.parse(await queryLake(lake, sql, { json: true, signal: NEVER }))).toEqual([
      { txs: 2, inflow: `${2n * HUGE}` },
    ]);
  });

  it("answers over a lake that has no file yet", async () => {
    const sql =
      "select count(*) as n, sum(inflow) as inflow from exchange_flows_daily join blocks using (chain, date)";
    expect(JSON.parse(await queryLake(`${lake}-none`, sql, { json: true, signal: NEVER }))).toEqual([
      { n: 0, inflow: null },
    ]);
  });

  it("reads one version of a file that is replaced all the while, also between its footer and its rows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-torn-"));
    const fileIn = (version: string) =>
      join(folder, version, "blocks/chain=ethereum/date=2023-07-13/blocks.parquet");
    for (const count of [3, 900]) await writeBlocks(join(folder, `${count}`), count);
    cpSync(join(folder, "3"), join(folder, "asked"), { recursive: true });
    let turns = 0;
    const replacing = setInterval(() => {
      turns += 1;
      copyFileSync(fileIn(turns % 2 === 0 ? "3" : "900"), join(folder, "staged"));
      renameSync(join(folder, "staged"), fileIn("asked"));
    }, REPLACED_EVERY_MS);
    try {
      const sql = "select count(*) as n, count(distinct height) as heights, max(height) as top from blocks";
      for (let asked = 0; asked < 80; asked += 1) {
        const [row] = JSON.parse(await queryLake(join(folder, "asked"), sql, { json: true, signal: NEVER }));
        expect([
          { n: 3, heights: 3, top: 102 },
          { n: 900, heights: 900, top: 999 },
        ]).toContainEqual(row);
      }
    } finally {
      clearInterval(replacing);
      rmSync(folder, { recursive: true });
    }
    expect(turns).toBeGreaterThan(80);
  });

  it("leaves a long query when it is told to", async () => {
    const stopping = new AbortController();
    const asked = queryLake(lake, ENDLESS, { json: true, signal: stopping.signal });
    setTimeout(() => stopping.abort(new Error("stop")), 300);
    await expect(asked).rejects.toThrow("stop");
  });

  it.each([
    ["selekt 1", /syntax error/],
    ["select nothing from blocks", /nothing/],
    ["select 1; select 2", /write one query/],
    ["", /write one query/],
    ["copy (select 1) to '%/evil.parquet'", /only read/],
    ["select * from read_csv('/etc/passwd')", /disabled by configuration/],
    ["set enable_external_access = true", /only read/],
  ])("refuses %s", async (sql, reason) => {
    const asked = queryLake(lake, sql.replace("%", lake), { json: false, signal: NEVER });
    await expect(asked).rejects.toThrow(QueryFailed);
    await expect(asked).rejects.toThrow(reason);
    expect(existsSync(join(lake, "evil.parquet"))).toBe(false);
  });
});
