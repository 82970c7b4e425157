import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import type { Day } from "../../../warehouse/day.ts";
import { type DayMeta, metaLiteral } from "../../../warehouse/lake/day-file.ts";
import { openDuckDb } from "../../../warehouse/lake/duckdb.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import type { LakeTable } from "../../../warehouse/lake/tables.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { announce, grow, rewindTo, settle } from "../../support/rewind-story.ts";
import { CHAIN, runToRest, TOPICS } from "../../support/stage-bed.ts";
import { metasOf, rowsOf } from "./reading.ts";

/** Some three blocks a day. */
const SPACING_S = 30_000;
const TABLES: readonly LakeTable[] = ["blocks", "flow_legs", "exchange_flows_hourly"];

const honest = [root(5), ...grow(root(5), 30, "a", SPACING_S)];
const rival = grow(honest[20] as BlockHeader, 14, "b", SPACING_S + 1000);
/** Blocks of one day. */
const lately = grow(rival.at(-1) as BlockHeader, 4, "b", 1);
const newest = lately.at(-1) as BlockHeader;

let folder = "";
let cluster: MemoryCluster;
let made = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-lake-"));
  made = join(folder, "made");
  cluster = await rewoundStory();
  await store(made);
  cluster.compact(TOPICS.exchangeFlows, "gone");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A chain of twelve days that a rewind took blocks of three days back from, and that went on since. */
async function rewoundStory(): Promise<MemoryCluster> {
  const told = new MemoryCluster();
  announce(told, honest);
  await settle(told, "gate", "flows", "aggregate");
  announce(told, rival);
  await settle(told, "gate");
  await rewindTo(told, 25);
  announce(told, lately);
  await settle(told, "gate", "flows", "aggregate");
  return told;
}

function run(lake: string) {
  const work = (context: Parameters<typeof runLakeSink>[0]) => runLakeSink(context, { lake, flushMs: 0 });
  return runToRest(cluster, { run: work, input: TOPICS.exchangeFlows });
}

async function store(lake: string): Promise<void> {
  for (let round = 0; round < 2; round += 1) expect(await run(lake)).toEqual({ kind: "rested" });
}

async function rows(lake: string) {
  return Object.fromEntries(
    await Promise.all(TABLES.map(async (table) => [table, await rowsOf(lake, table)])),
  );
}

const folderOf = (lake: string, table: LakeTable) => join(lake, table, `chain=${CHAIN}`);
const fileOf = (lake: string, table: LakeTable, day: string) =>
  join(folderOf(lake, table), `date=${day}`, `${table}.parquet`);

describe("a table whose folder an operator removed", () => {
  it.each(TABLES)("is made anew from its topic, also behind a rewind and the cleaner: %s", async (table) => {
    const expected = await rows(made);
    expect(expected["flow_legs"]?.length).toBeGreaterThan(20);
    const lake = join(folder, `lake-${table}`);
    cpSync(made, lake, { recursive: true });
    rmSync(folderOf(lake, table), { recursive: true });
    await store(lake);
    expect(await rows(lake)).toEqual(expected);
    expect(await closedDays(lake)).toEqual(await closedDays(made));
  });

  it("is not made anew where a closed day alone was removed: the sink does not look back", async () => {
    const lake = join(folder, "day-lost");
    cpSync(made, lake, { recursive: true });
    const [first] = (await closedDays(made))["flow_legs"] ?? [];
    rmSync(dirname(fileOf(lake, "flow_legs", first ?? "")), { recursive: true });
    await store(lake);
    expect((await rows(lake))["flow_legs"]).not.toEqual((await rows(made))["flow_legs"]);
  });
});

it("a day that somebody closed by hand: the sink ends with DayClosed, and goes on once its folder was removed as told", async () => {
  const lake = join(folder, "day-closed");
  cpSync(made, lake, { recursive: true });
  const [day, meta] = [...(await metasOf(lake, "flow_legs", CHAIN))].at(-1) as [Day, DayMeta];
  expect([meta.closed, meta.rewinds]).toEqual([false, 1]);
  const path = fileOf(lake, "flow_legs", day);
  const db = await openDuckDb();
  await db.connection.run(
    `copy (from read_parquet('${path}', hive_partitioning = false)) to '${path}.new'
      (format parquet, kv_metadata ${metaLiteral({ ...meta, watermark: null, closed: true })})`,
  );
  db.close();
  renameSync(`${path}.new`, path);
  announce(cluster, grow(newest, 4, "b", 1));
  await settle(cluster, "gate", "flows", "aggregate");

  const end = await run(lake);
  expect(end).toMatchObject({ kind: "failed", error: { name: "DayClosed", day } });
  const told = /remove (\S+) and start it again/.exec(end.kind === "failed" ? end.error.message : "")?.[1];
  expect(told).toBe(folderOf(lake, "flow_legs"));
  rmSync(told ?? "", { recursive: true });
  await store(lake);
  await store(made);
  expect(await rows(lake)).toEqual(await rows(made));
});

async function closedDays(lake: string): Promise<Readonly<Record<string, readonly Day[]>>> {
  const closed: Record<string, readonly Day[]> = {};
  for (const table of TABLES)
    closed[table] = [...(await metasOf(lake, table, CHAIN))]
      .filter(([, meta]) => meta.closed)
      .map(([day]) => day);
  return closed;
}
