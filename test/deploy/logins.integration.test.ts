import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { runLakeSink } from "../../warehouse/lake/sink.ts";
import { runPostgresSink } from "../../warehouse/postgres/sink.ts";
import { removeHome, temporaryHome, testPostgres } from "../services.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { sluice, startSluice } from "../support/sluice.ts";
import { rowsOf } from "../support/stores.ts";
import { contextOn, publish, tell } from "../warehouse/lake/story.ts";

const PASSWORDS = { WRITER_PASSWORD: "w'1", READER_PASSWORD: "r2" };
/** Known from its beginning on: its first two days are covered, and complete. */
const STORY = tell(
  [
    { at: "2023-07-13T22:30:00Z", legs: [["inflow", "binance", "ETH", 10n ** 18n]] },
    { at: "2023-07-14T12:00:00Z", legs: [["outflow", "binance", "ETH", 3n]] },
    { at: "2023-07-15T12:00:00Z", legs: [["inflow", "kraken", "ETH", 1n]] },
  ],
  1,
);
const LAST = 3;
const home = temporaryHome("logins");
const logins = readFileSync("deploy/postgres/logins.sql", "utf8");
let postgres: PostgresService;

beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(async () => {
  await postgres.stop();
  removeHome(home);
});

/** The URL of a database, for one of its logins; default: the owner's. */
function urlOf(database: string, login?: readonly [user: string, password: string]): string {
  const url = new URL(postgres.url);
  url.pathname = `/${database}`;
  if (login !== undefined) [url.username, url.password] = login;
  return url.href;
}

/** Does with `\getenv name VARIABLE` and `:'name'` as psql does. */
function asPsql(script: string, env: Readonly<Record<string, string>>): string {
  const names = [...script.matchAll(/^\\getenv (\w+) (\w+)$/gm)];
  const values = new Map(names.map(([, name = "", variable = ""]) => [name, env[variable] ?? ""]));
  return script
    .replaceAll(/^\\getenv .*$/gm, "")
    .replaceAll(/:'(\w+)'/g, (_, name: string) => pg.escapeLiteral(values.get(name) ?? name));
}

const before = { name: "before", steps: ["logins", "migrate", "logins"] };
const after = { name: "after", steps: ["migrate", "logins"] };

test.each([before, after])(
  "with the logins made $name the owner's first migration, the sink and the feed work by one, analysts read by the other",
  async ({ name, steps }) => {
    await rowsOf(urlOf("sluice"), `create database ${name}`);
    for (const step of steps) {
      if (step === "logins") await rowsOf(urlOf(name), asPsql(logins, PASSWORDS));
      else
        expect(await sluice(["migrate"], envOf(urlOf(name)))).toMatch(
          /^applied: 0001_schema.sql, .*marts\n$/,
        );
    }
    const writer = urlOf(name, ["sluice_sink", PASSWORDS.WRITER_PASSWORD]);
    const reader = urlOf(name, ["sluice_analyst", PASSWORDS.READER_PASSWORD]);

    expect(await sluice(["migrate"], envOf(writer))).toBe("the schema is up to date\n");
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    await runPostgresSink(contextOn(cluster, { until: LAST }), { url: writer, kind: "ethereum" });
    await runLakeSink(contextOn(cluster, { until: LAST }), { lake: join(home, name, "lake") });
    const written = (await sluice(["feed"], envOf(writer))).trimEnd().split("\n");
    expect(written.map((line) => line.slice(-14))).toEqual(["2023-07-13.csv", "2023-07-14.csv"]);
    const [day] = written.map((line) => line.slice(-14, -4)) as [string];
    const again = await sluice(["feed", "--date", day, "--json"], envOf(writer));
    expect(JSON.parse(again)).toMatchObject([{ kind: "already written", day, revision: 1 }]);

    expect(await sluice(["table"], envOf(reader))).toContain("binance");
    const legs = "select exchange, inflow::text from exchange_flows_daily where inflow > 0 order by date";
    expect(await rowsOf(reader, legs)).toEqual([
      { exchange: "binance", inflow: "1000000000000000000" },
      { exchange: "kraken", inflow: "1" },
    ]);
    await expect(rowsOf(reader, "delete from flow_legs")).rejects.toThrow(/permission denied/);
    await expect(rowsOf(writer, "drop table flow_legs")).rejects.toThrow(/must be owner/);
  },
);

test("a writer that comes before the first migration ends with what is to be done", async () => {
  await rowsOf(urlOf("sluice"), "create database empty");
  await rowsOf(urlOf("empty"), asPsql(logins, PASSWORDS));
  const writer = urlOf("empty", ["sluice_sink", PASSWORDS.WRITER_PASSWORD]);
  const { code, err } = await startSluice(["feed"], envOf(writer)).ended;
  expect([code, err]).toEqual([
    2,
    expect.stringContaining("run `sluice migrate` as the owner of the database"),
  ]);
});

function envOf(databaseUrl: string): Record<string, string> {
  const folder = join(home, new URL(databaseUrl).pathname);
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "sluice.json");
  const ethereum = { kind: "ethereum", chainId: 1, start: 1, finality: { confirmations: 3 } };
  const assets = [resolve("sql/seeds/assets.csv")];
  writeFileSync(config, JSON.stringify({ chains: { ethereum }, labels: [], assets }));
  return { SLUICE_HOME: folder, SLUICE_CONFIG: config, DATABASE_URL: databaseUrl };
}
