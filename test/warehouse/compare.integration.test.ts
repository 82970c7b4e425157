import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { alterLake, dayFile, type FilledStores, fillStores, type StoresCase } from "./feed/stores.ts";

let stores: FilledStores;
let here: StoresCase;
beforeAll(async () => {
  stores = await fillStores();
}, 120_000);
afterAll(() => stores?.stop());
beforeEach(() => {
  here = stores.fresh();
});

const reasons = async () => (await here.compare()).findings.map(({ kind, reason }) => `${kind}: ${reason}`);

describe("the feed", () => {
  it("that was touched is found", async () => {
    await here.write();
    const path = join(here.feed, "exchange-flows-2023-07-13.csv");
    writeFileSync(path, readFileSync(path, "utf8").replace("1.5", "1.6"));
    const { findings } = await here.compare();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ kind: "feed differs", day: "2023-07-13", revision: 1 });
  });

  it("whose manifest was touched is found, whatever the fact", async () => {
    await here.write();
    const path = join(here.feed, "exchange-flows-2023-07-13.json");
    const manifest = readFileSync(path, "utf8");
    for (const [from, to] of [
      ['"blocks": 2', '"blocks": 3'],
      ['"outflow": "1500000"', '"outflow": "1500001"'],
      ['"inflow_txs",', ""],
    ] as const) {
      expect(manifest).toContain(from);
      writeFileSync(path, manifest.replace(from, to));
      expect(await reasons()).toEqual([
        "feed differs: the manifest of exchange-flows-2023-07-13.csv says other facts than Postgres holds",
      ]);
    }
    for (const text of ["null", manifest.replace('"chains"', '"links"'), manifest.slice(1)]) {
      writeFileSync(path, text);
      expect(await reasons()).toEqual([
        expect.stringMatching(/^feed differs: feed of 2023-07-13, revision 1: its manifest is not/),
      ]);
    }
  });
});

describe("what is told to do", () => {
  const clean = (feeds: number) => ({ days: 3, feeds, findings: [] });
  const mend = async (table: string) => {
    const { findings } = await here.compare();
    expect(findings.length).toBeGreaterThan(0);
    const folders = new Set(
      findings.map(({ remedy }) => /remove (\S+) and start it again/.exec(remedy ?? "")?.[1]),
    );
    expect([...folders]).toEqual([join(here.lake, table, "chain=ethereum")]);
    for (const folder of folders) rmSync(folder ?? "", { recursive: true });
    await here.restart("parquet");
  };

  it.each([
    ["blocks", "select * replace ('0xother' as block_hash)"],
    ["flow_legs", "select * replace ('6' as amount)"],
    ["exchange_flows_hourly", "select * replace ('6' as inflow)"],
  ])("mends an edited day file of %s, and a lost one", async (table, edit) => {
    await alterLake(here.lake, { table, day: "2023-07-13" }, edit);
    await mend(table);
    expect(await here.compare()).toEqual(clean(0));
    rmSync(join(dayFile(here.lake, table, "2023-07-13"), ".."), { recursive: true });
    await mend(table);
    expect(await here.compare()).toEqual(clean(0));
    expect(await here.write()).toHaveLength(2);
  });

  it("mends edited, lost and strange rows of Postgres", async () => {
    const [sql = ""] = /begin;\ndelete from[^`]*commit;/.exec(readFileSync("README.md", "utf8")) ?? [];
    const tables = ["blocks", "flow_legs", "exchange_flows_hourly", "chains"];
    const rows = async () =>
      Promise.all(
        tables.map((table) => stores.db.query(`select * from public.${table} order by ${table}::text`)),
      );
    const before = await rows();
    await stores.db.query("update public.flow_legs set amount = 6 where height = 2");
    await stores.db.query("delete from public.exchange_flows_hourly where last_height = 3");
    await stores.db.query(
      `insert into public.flow_legs select (leg).* from
         (select jsonb_populate_record(flow_legs, '{"leg": 9}') as leg from public.flow_legs where height = 3) as strange`,
    );
    const { findings } = await here.compare();
    expect(findings.map(({ remedy }) => remedy)).toContainEqual(
      expect.stringMatching(
        /if Postgres still differs then, it was edited: see "When the stores differ" in the README$/,
      ),
    );
    await stores.db.query(sql);
    await here.restart("postgres");
    expect(await here.compare()).toEqual(clean(0));
    expect(await rows()).toEqual(before);
  });

  it("mends an edited and a lost CSV, and one whose manifest says other facts", async () => {
    await here.write();
    const path = join(here.feed, "exchange-flows-2023-07-13.csv");
    const edits = [
      () => rmSync(path),
      () => writeFileSync(path, ""),
      () => {
        const manifest = path.replace(".csv", ".json");
        writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"blocks": 2', '"blocks": 3'));
      },
    ];
    for (const [at, edit] of edits.entries()) {
      edit();
      const { findings } = await here.compare();
      expect(findings.map(({ remedy }) => remedy)).toEqual([
        expect.stringMatching(/^sluice feed --date 2023-07-13 puts an edited CSV back, and writes the next/),
      ]);
      await here.write("2023-07-13");
      expect(await here.compare()).toEqual(clean(at < 2 ? 2 : 3));
    }
  });

  it("tells an older revision from what Postgres holds", async () => {
    await here.write();
    const newest = join(here.feed, "exchange-flows-2023-07-13");
    const manifest = readFileSync(`${newest}.json`, "utf8");
    writeFileSync(`${newest}.json`, manifest.replace('"blocks": 2', '"blocks": 3'));
    await here.write("2023-07-13");
    rmSync(`${newest}.csv`);
    expect((await here.compare()).findings.map(({ remedy }) => remedy)).toEqual([
      "restore exchange-flows-2023-07-13.csv and .json from a copy, or remove both: Postgres does not hold their figures",
    ]);
    rmSync(`${newest}.json`);
    expect(await here.compare()).toEqual(clean(2));
  });
});

describe("the stores", () => {
  it("are compared on days that still grow too, where both stand at one block", async () => {
    expect(await here.compare()).toEqual({ days: 3, feeds: 0, findings: [] });
    const set = (amount: number) =>
      stores.db.query("update public.flow_legs set amount = $1 where height = 4", [amount]);
    await set(2);
    try {
      expect(await reasons()).toEqual([
        expect.stringMatching(/^stores differ: flow_legs of ethereum on 2023-07-15: .* 1 rows, parquet 1; /),
      ]);
    } finally {
      await set(1);
    }
  });

  it("are not compared where legs are stored of no more than the first day", async () => {
    await stores.db.query("update sluice.offsets set through_height = 3 where topic = 'ethereum.flows.v1'");
    try {
      expect((await here.compare()).days).toBe(0);
    } finally {
      await stores.db.query("update sluice.offsets set through_height = 4 where topic = 'ethereum.flows.v1'");
    }
  });

  it("part where the lake lost a day", async () => {
    for (const table of ["blocks", "flow_legs", "exchange_flows_hourly"]) {
      rmSync(join(dayFile(here.lake, table, "2023-07-13"), ".."), { recursive: true });
    }
    const { findings } = await here.compare();
    expect(findings.map((finding) => finding.kind === "stores differ" && finding.found?.what)).toEqual([
      "blocks",
      "flow_legs",
      "exchange_flows_hourly",
      "exchange_flows_daily",
    ]);
  });

  it("part where one of them has nothing at all", async () => {
    rmSync(here.lake, { recursive: true });
    expect(await reasons()).toEqual([
      "stores differ: the lake has nothing of ethereum, Postgres 3 days from 2023-07-13 to 2023-07-15",
    ]);
    here = stores.fresh();
    await stores.db.query("update public.blocks set status = 'orphaned'");
    try {
      expect(await reasons()).toEqual([
        "stores differ: Postgres has nothing of ethereum, the lake 3 days from 2023-07-13 to 2023-07-15",
      ]);
    } finally {
      await stores.db.query("update public.blocks set status = 'final'");
    }
  });

  it("part where a day's file was written by another hand, its metadata gone", async () => {
    const file = { table: "flow_legs", day: "2023-07-15" };
    await alterLake(here.lake, file, "select * replace ('9' as amount)", null);
    expect(await reasons()).toEqual([expect.stringContaining("flow_legs of ethereum on 2023-07-15")]);
  });

  it("part where a day's file can't be read, and the other days are compared all the same", async () => {
    const path = dayFile(here.lake, "flow_legs", "2023-07-13");
    writeFileSync(path, readFileSync(path).subarray(0, -20));
    const { days, findings } = await here.compare();
    expect(days).toBe(3);
    expect(findings.map(({ reason }) => reason)).toEqual([expect.stringContaining(`${path} can't be read`)]);
    await expect(here.write()).rejects.toThrow(/can't be read/);
  });
});
