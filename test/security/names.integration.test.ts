import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigInvalid, readConfig } from "../../runtime/config.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import type { ChainName } from "../../stream/block.ts";
import { ethereumAddress, parseAssets, parseLabels } from "../../stream/flow/labels.ts";
import { compareStores } from "../../warehouse/compare.ts";
import { writeFeeds } from "../../warehouse/feed/write.ts";
import { runLakeSink } from "../../warehouse/lake/sink.ts";
import { openDatabase } from "../../warehouse/postgres/client.ts";
import { runPostgresSink } from "../../warehouse/postgres/sink.ts";
import { removeHome, temporaryHome, testPostgres } from "../services.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { contextOn, publish, silentLog, tell } from "../warehouse/lake/story.ts";

const CHAIN = "ethereum" as ChainName;
const FORMS = new Map([[CHAIN, ethereumAddress]]);

/** Symbols that an asset file may hold, and that would do harm where one were pasted into SQL, a path, COPY or CSV. */
const HOSTILE = [
  "../../x",
  "/etc/x",
  "')or('1'='1",
  "'or'1'='1'--",
  "''",
  "\\.",
  "\\N",
  "NULL",
  "$$",
  "$(x)",
  "{a:1}",
  "%s",
  "ß₿",
];

/** Cells that are refused: they would begin a formula, break a row, or end a text. */
const REFUSED = [
  "=cmd()",
  "+1",
  "-1",
  "@x",
  "\t=1",
  "a\tb",
  "a\rb",
  '"a\nb"',
  '"a,b"',
  "a b",
  "a|b",
  "a;=b",
  "\0",
];

const home = temporaryHome("names");
let postgres: PostgresService;

beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  await postgres.stop();
  removeHome(home);
});

function assetsOf(symbols: readonly string[]) {
  const rows = symbols.map((symbol, at) => `ethereum,${symbol},0x${String(at + 1).padStart(40, "0")},6`);
  return parseAssets(
    [{ file: "assets.csv", text: ["chain,asset,contract,decimals", "ethereum,ETH,,18", ...rows].join("\n") }],
    FORMS,
  );
}

describe("a name", () => {
  test.each(REFUSED)("that would break a row or begin a formula is refused: %j", (symbol) => {
    expect(assetsOf([symbol]).faults.length).toBeGreaterThan(0);
    const label = `ethereum,0x${"1".repeat(40)},${symbol},,,,`;
    const text = `chain,address,exchange,wallet,role,valid_from,source\n${label}`;
    expect(parseLabels([{ file: "labels.csv", text }], FORMS).faults.length).toBeGreaterThan(0);
  });

  test.each(["../x", "a/b", "A", "a'b", "a b", "", "-a", "a.b"])(
    "of a chain is no path and no SQL: %j is refused",
    (chain) => {
      mkdirSync(home, { recursive: true });
      const file = join(home, "sluice.json");
      const ethereum = { kind: "ethereum", chainId: 1, start: 1 };
      writeFileSync(file, JSON.stringify({ chains: { [chain]: ethereum }, labels: [], assets: [] }));
      expect(() => readConfig(file)).toThrow(ConfigInvalid);
    },
  );

  test("of an asset comes out of Postgres, lake and CSV as it went in, whatever it would be elsewhere", async () => {
    const { rows: assets, faults } = assetsOf(HOSTILE);
    expect(faults).toEqual([]);
    const legs = HOSTILE.map((asset) => ["inflow", "binance", asset, 2_500_000n] as const);
    const story = tell([{ at: "2023-07-13T22:00:00Z", legs }, { at: "2023-07-14T00:00:00Z" }], 1);
    const cluster = new MemoryCluster();
    publish(cluster, story);
    const [lake, feed] = [join(home, "lake"), join(home, "feed")];
    await runPostgresSink(contextOn(cluster, { until: 2 }), { url: postgres.url, kind: "ethereum" });
    await runLakeSink(contextOn(cluster, { until: 2 }), { lake });
    const places = { databaseUrl: postgres.url, lake, feed, chains: [CHAIN] };
    const outcomes = await writeFeeds({ ...places, assets, log: silentLog });
    expect(outcomes.map(({ kind, day }) => [kind, day])).toEqual([["written", "2023-07-13"]]);
    expect((await compareStores({ ...places, beginMs: 0 })).findings).toEqual([]);

    const csv = readFileSync(join(feed, "exchange-flows-2023-07-13.csv"), "utf8");
    const cells = csv
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    expect(new Set(cells.map((row) => row[3]))).toEqual(new Set(HOSTILE));
    for (const row of cells) for (const cell of row.slice(0, 4)) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    const db = await openDatabase(postgres.url);
    try {
      const inTable = await db.query<{ asset: string }>("select asset from public.flow_legs");
      expect(new Set(inTable.map((row) => row.asset))).toEqual(new Set(HOSTILE));
    } finally {
      await db.close();
    }
    expect(readdirSync(home).sort()).toEqual(["feed", "feed.staging", "lake", "lake.staging", "sluice.json"]);
  });
});
