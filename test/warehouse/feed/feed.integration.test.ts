import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ChainName } from "../../../stream/block.ts";
import type { Disk } from "../../../warehouse/disk.ts";
import { FEED_EDGE } from "../../../warehouse/feed/edge.ts";
import { DayNotComplete, StoresDiffer, writeFeeds } from "../../../warehouse/feed/write.ts";
import { CHAIN, silentLog } from "../lake/story.ts";
import { ASSETS, alterLake, type FilledStores, fillStores, HUGE, type StoresCase } from "./stores.ts";

const HEADER =
  "date,chain,exchange,asset,inflow,outflow,netflow,inflow_inter,outflow_inter,intra,inflow_txs,outflow_txs,inflow_transfers,outflow_transfers,issued,redeemed,fees";

let stores: FilledStores;
let lake = "";
let feed = "";
let write: StoresCase["write"];
let compare: StoresCase["compare"];

beforeAll(async () => {
  stores = await fillStores();
}, 120_000);
afterAll(() => stores?.stop());
beforeEach(() => {
  ({ lake, feed, write, compare } = stores.fresh());
});

describe("writeFeeds", () => {
  it("writes each complete day once, oldest first, exact in the asset's own unit", async () => {
    const outcomes = await write();
    expect(outcomes.map(({ kind, day, revision }) => [kind, day, revision])).toEqual([
      ["written", "2023-07-13", 1],
      ["written", "2023-07-14", 1],
    ]);
    const inflow = "1361129467683753853854.498429727072845824";
    expect(readFileSync(join(feed, "exchange-flows-2023-07-13.csv"), "utf8").split("\n")).toEqual([
      HEADER,
      `2023-07-13,ethereum,binance,ETH,${inflow},0,${inflow},0,0,0,2,0,2,0,0,0,0`,
      "2023-07-13,ethereum,okx,USDT,0,1.5,-1.5,0,0,0,0,1,0,1,0,0,0",
      "",
    ]);
    const manifest = JSON.parse(readFileSync(join(feed, "exchange-flows-2023-07-13.json"), "utf8"));
    expect(manifest).toMatchObject({
      date: "2023-07-13",
      revision: 1,
      rows: 2,
      chains: { ethereum: { blocks: 2, first_height: 1, last_height: 2, label_versions: ["v1"] } },
      assets: {
        ethereum: { ETH: { decimals: 18, sums: { inflow: `${HUGE + 10n ** 18n}`, inflow_txs: "2" } } },
      },
    });
    expect(readdirSync(feed).sort()).toEqual([
      "exchange-flows-2023-07-13.csv",
      "exchange-flows-2023-07-13.json",
      "exchange-flows-2023-07-14.csv",
      "exchange-flows-2023-07-14.json",
    ]);
    expect(await write()).toEqual([]);
    expect(await compare()).toEqual({ days: 3, feeds: 2, findings: [] });
  });

  it("looks once which days are written, however many it writes", async () => {
    const listed: string[] = [];
    const disk: Disk = {
      ...FEED_EDGE.disk,
      list: (folder) => {
        listed.push(folder);
        return FEED_EDGE.disk.list(folder);
      },
    };
    const places = { databaseUrl: stores.url, lake, feed, chains: [CHAIN], assets: ASSETS, log: silentLog };
    expect(await writeFeeds({ ...places, edge: { ...FEED_EDGE, disk } })).toHaveLength(2);
    expect(listed.filter((folder) => folder === feed)).toHaveLength(1);
  });

  it("finishes a day whose manifest is missing", async () => {
    mkdirSync(feed);
    writeFileSync(join(feed, "exchange-flows-2023-07-13.csv"), "half a fi");
    await write();
    expect(await compare()).toEqual({ days: 3, feeds: 2, findings: [] });
  });

  it("says `already written` where nothing changed, and makes a correction a new revision", async () => {
    await write();
    const first = readFileSync(join(feed, "exchange-flows-2023-07-14.csv"), "utf8");
    expect((await write("2023-07-14")).map(({ kind, revision }) => [kind, revision])).toEqual([
      ["already written", 1],
    ]);
    await inBothStores("outflow", "7", async () => {
      expect((await write("2023-07-14")).map(({ kind, revision }) => [kind, revision])).toEqual([
        ["written", 2],
      ]);
      expect((await write("2023-07-14")).map(({ kind, revision }) => [kind, revision])).toEqual([
        ["already written", 2],
      ]);
      expect(await compare()).toEqual({ days: 3, feeds: 3, findings: [] });
    });
    expect(readFileSync(join(feed, "exchange-flows-2023-07-14.csv"), "utf8")).toBe(first);
    expect(readFileSync(join(feed, "exchange-flows-2023-07-14.r2.csv"), "utf8")).toContain(
      "0.000000000000000007",
    );
    const { findings } = await compare();
    expect(findings.map((finding) => finding.kind)).toEqual([
      "stores differ",
      "stores differ",
      "feed differs",
    ]);
  });

  it("puts an edited or lost CSV back as the same revision, byte for byte", async () => {
    await write();
    const path = join(feed, "exchange-flows-2023-07-13.csv");
    const published = readFileSync(path, "utf8");
    for (const break_ of [() => writeFileSync(path, published.replace("1.5", "1.6")), () => rmSync(path)]) {
      break_();
      expect(await write("2023-07-13")).toEqual([
        { kind: "restored", day: "2023-07-13", revision: 1, csv: path },
      ]);
      expect(readFileSync(path, "utf8")).toBe(published);
      expect((await write("2023-07-13")).map(({ kind }) => kind)).toEqual(["already written"]);
    }
    expect(readdirSync(feed)).toHaveLength(4);
    expect(await compare()).toEqual({ days: 3, feeds: 2, findings: [] });
  });

  it("waits for a lake that has not closed the day, and writes no later day before it", async () => {
    rmSync(join(lake, "flow_legs/chain=ethereum/date=2023-07-13"), { recursive: true });
    expect(await write()).toEqual([]);
    await expect(write("2023-07-13")).rejects.toThrow(/not complete yet on ethereum in the lake/);
    expect(existsSync(feed)).toBe(false);
  });

  it("looks again at a day that a rewind reaches, and writes its correction once", async () => {
    await write();
    const settled = new Set<string>();
    const places = { databaseUrl: stores.url, lake, feed, chains: [CHAIN], assets: ASSETS, log: silentLog };
    const pass = async () =>
      (await writeFeeds({ ...places, settled })).map(({ kind, day, revision }) => [kind, day, revision]);
    expect(await pass()).toEqual([]);
    // Of the day itself nothing was taken: it was complete by the block that was, and goes on from the one before.
    await stores.db.query(`insert into sluice.rewinds values ('${CHAIN}', 1, 3, '0xb3', 4)`);
    const taken = `'${CHAIN}', 1, 'blocks', '2023-07-15 12:00Z', '{}'`;
    await stores.db.query(`insert into sluice.taken_back values (${taken})`);
    try {
      await inBothStores("outflow", "5", async () => {
        const before = ["already written", "2023-07-13", 1];
        expect(await pass()).toEqual([before, ["written", "2023-07-14", 2]]);
        expect(await pass()).toEqual([]);
        expect((await compare()).findings).toEqual([]);
      });
      settled.clear();
      expect((await compare()).findings).not.toEqual([]);
    } finally {
      await stores.db.query("delete from sluice.taken_back");
      await stores.db.query("delete from sluice.rewinds");
    }
  });

  it("writes a correction where the figures are as they were, and what they rest on is not", async () => {
    await write();
    const labelled = async (by: string) => {
      const day = { table: "flow_legs", day: "2023-07-14" };
      await alterLake(lake, day, `select * replace ('${by}' as label_version)`);
      await stores.db.query(
        `update flow_legs set label_version = '${by}' where block_time = '2023-07-14 00:00Z'`,
      );
    };
    await labelled("v2");
    try {
      expect((await compare()).findings).toMatchObject([{ kind: "feed differs", day: "2023-07-14" }]);
      expect((await write("2023-07-14")).map(({ kind, revision }) => [kind, revision])).toEqual([
        ["written", 2],
      ]);
      expect((await compare()).findings).toEqual([]);
    } finally {
      await labelled("v1");
    }
  });

  it("writes nothing where the stores differ, and names the first differing row", async () => {
    await alterLake(
      lake,
      { table: "flow_legs", day: "2023-07-13" },
      "select * replace (case when leg = 1 then '6' else amount end as amount)",
    );
    const writing = write();
    await expect(writing).rejects.toThrow(StoresDiffer);
    await expect(writing).rejects.toThrow(
      /^flow_legs of ethereum on 2023-07-13: Postgres has 3 rows, parquet 3; first difference: "ethereum\|2\|.*\|1500000\|block\|v1" in Postgres, ".*\|6\|block\|v1" in parquet; nothing was written, .*; stop the parquet sink, remove \S+\/flow_legs\/chain=ethereum and start it again: /,
    );
    expect(existsSync(feed)).toBe(false);
    const { findings } = await compare();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      kind: "stores differ",
      found: { what: "flow_legs", day: "2023-07-13" },
    });
  });

  it("has no feed of a day that is not complete, not covered, or no day", async () => {
    await expect(write("2023-07-15")).rejects.toThrow(/not complete yet on ethereum in Postgres/);
    await expect(write("2023-02-30")).rejects.toThrow(DayNotComplete);
    const none = writeFeeds({
      databaseUrl: stores.url,
      lake,
      feed,
      chains: ["other" as ChainName],
      assets: ASSETS,
      date: "2023-07-13",
      log: silentLog,
    });
    await expect(none).rejects.toThrow(/no chain is known/);
  });

  it("waits for the legs where the hours are stored before them", async () => {
    const setThrough = (height: number) =>
      stores.db.query("update sluice.offsets set through_height = $1 where topic = 'ethereum.flows.v1'", [
        height,
      ]);
    await setThrough(2);
    try {
      expect(await write()).toEqual([]);
      await expect(write("2023-07-13")).rejects.toThrow(/not complete yet on ethereum in Postgres/);
    } finally {
      await setThrough(4);
    }
    expect(await write()).toHaveLength(2);
  });

  it("waits for a chain that covers the day and has not completed it", async () => {
    await besides("slow", "2023-07-14 10:00Z", async () => {
      const outcomes = await writeOf([CHAIN, "slow"]);
      expect(outcomes.map(({ day }) => day)).toEqual(["2023-07-13"]);
    });
  });

  it("writes a day again, once, that a chain completes which begins after it was written", async () => {
    await write();
    const settled = new Set<string>();
    const pass = async () =>
      (await writeOf([CHAIN, "late"], settled)).map(({ kind, day, revision }) => [kind, day, revision]);
    expect(await pass()).toEqual([]);
    // While it has not come so far, what is written stands.
    await besides("late", "2023-07-14 10:00Z", async () => {
      expect(await pass()).toEqual([["written", "2023-07-13", 2]]);
      expect(await pass()).toEqual([]);
    });
    await besides("late", "2023-07-15 00:00Z", async () => {
      expect(await pass()).toEqual([["written", "2023-07-14", 2]]);
      expect(await pass()).toEqual([]);
      settled.clear();
      expect(await pass()).toEqual([]);
    });
    const manifest = readFileSync(join(feed, "exchange-flows-2023-07-14.r2.json"), "utf8");
    expect(Object.keys((JSON.parse(manifest) as { chains: object }).chains)).toEqual([CHAIN, "late"]);
  });
});

/** One pass of the feed over several chains. */
function writeOf(chains: readonly string[], settled = new Set<string>()) {
  const places = { databaseUrl: stores.url, lake, feed, assets: ASSETS, log: silentLog };
  return writeFeeds({ ...places, chains: chains as readonly ChainName[], settled });
}

/** Lets both stores have a chain without flows, known from 2023-07-13 to `watermark`, while `work` runs. */
async function besides(chain: string, watermark: string, work: () => Promise<void>): Promise<void> {
  await stores.db.query(
    `insert into chains (chain, kind, first_height, first_time, final_height, final_hash, final_time, watermark)
     values ($1, 'ethereum', 5, '2023-07-13 00:00Z', 6, '0x6', $2, $2)`,
    [chain, watermark],
  );
  await stores.db.query(
    `insert into sluice.offsets (chain, topic, next_offset, through_height)
     select $1, $1 || '.' || topic, 9, 6 from unnest(array['blocks.final.v1', 'flows.v1', 'exchange-flows.v1']) as topic`,
    [chain],
  );
  try {
    await work();
  } finally {
    for (const table of ["chains", "sluice.offsets"])
      await stores.db.query(`delete from ${table} where chain = $1`, [chain]);
  }
}

/** Sets a figure of 2023-07-14 in both stores alike while `work` runs. */
async function inBothStores(column: string, amount: string, work: () => Promise<void>): Promise<void> {
  await alterLake(
    lake,
    { table: "exchange_flows_hourly", day: "2023-07-14" },
    `select * replace ('${amount}' as ${column}, '-${amount}' as netflow)`,
  );
  const set = (to: string) =>
    stores.db.query(`update exchange_flows_hourly set ${column} = ${to} where hour = '2023-07-14 00:00Z'`);
  await set(amount);
  try {
    await work();
  } finally {
    await set("3");
  }
}
