import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { type DayFormat, LAKE_EDGE } from "../../warehouse/lake/edge.ts";
import { lakeHeight } from "../../warehouse/lake-height.ts";
import { alterLake, type FilledStores, fillStores, type StoresCase } from "./feed/stores.ts";
import { CHAIN } from "./lake/story.ts";

let stores: FilledStores;
let here: StoresCase;
let format: DayFormat;
beforeAll(async () => {
  stores = await fillStores();
  here = stores.fresh();
  format = await LAKE_EDGE.openFormat();
}, 120_000);
afterAll(async () => {
  format?.close();
  await stores?.stop();
});

const height = () =>
  lakeHeight({ database: stores.db, format, lake: here.lake }, CHAIN, chainTopics("", CHAIN));

/** The newest day's file of a table, as if block 4 had brought nothing that it was replaced for. */
const stepBack = (table: string) =>
  alterLake(here.lake, { table, day: "2023-07-15" }, "select *", {
    nextOffset: 3,
    height: 3,
    rewinds: 0,
    watermark: null,
    closed: false,
  });

test("the lake stands where its files stand, and beyond where blocks brought no rows", async () => {
  expect(await height()).toBe(4);
  await stepBack("flow_legs");
  expect(await height()).toBe(3);
  await stores.db.query("update public.flow_legs set height = 3, leg = 9 where height = 4");
  expect(await height()).toBe(4);
  await stepBack("exchange_flows_hourly");
  expect(await height()).toBe(3);
  await stores.db.query("delete from public.exchange_flows_hourly where last_height = 4");
  expect(await height()).toBe(4);
  await stepBack("blocks");
  expect(await height()).toBe(3);
});

test("a lake without one of its tables stands nowhere", async () => {
  rmSync(join(here.lake, "flow_legs"), { recursive: true });
  expect(await height()).toBeUndefined();
});
