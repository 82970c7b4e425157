import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FEED_EDGE, type FeedEdge } from "../../../warehouse/feed/edge.ts";
import { writeFeeds } from "../../../warehouse/feed/write.ts";
import type { DbTransaction } from "../../../warehouse/postgres/client.ts";
import { CHAIN, silentLog } from "../lake/story.ts";
import { ASSETS, type FilledStores, fillStores } from "./stores.ts";

const DATE = "2023-07-14";

let stores: FilledStores;
beforeAll(async () => {
  stores = await fillStores();
}, 120_000);
afterAll(() => stores?.stop());

/** The feed of one day, where `meanwhile` is awaited after each question that a transaction asks of its rows. */
async function feedWith(meanwhile: (asked: number) => Promise<void>): Promise<readonly string[]> {
  const { lake, feed } = stores.fresh();
  const watched: FeedEdge["openDatabase"] = async (url, options) => {
    const database = await FEED_EDGE.openDatabase(url, options);
    return {
      ...database,
      transaction: (work) => database.transaction((dbTransaction) => work(watch(dbTransaction, meanwhile))),
    };
  };
  const places = { databaseUrl: stores.url, lake, feed, chains: [CHAIN], assets: ASSETS, log: silentLog };
  await writeFeeds({ ...places, date: DATE, edge: { ...FEED_EDGE, openDatabase: watched } });
  return readdirSync(feed)
    .sort()
    .map((name) => readFileSync(join(feed, name), "utf8"));
}

function watch(dbTransaction: DbTransaction, meanwhile: (asked: number) => Promise<void>): DbTransaction {
  let asked = 0;
  return {
    ...dbTransaction,
    query: async <Row>(text: string, values?: readonly unknown[]) => {
      const rows = await dbTransaction.query<Row>(text, values);
      // What sets the transaction up reads nothing yet.
      if (text.startsWith("set ")) return rows;
      asked += 1;
      await meanwhile(asked);
      return rows;
    },
  };
}

const outflow = (amount: string) =>
  stores.db.query(`update exchange_flows_hourly set outflow = ${amount} where hour = '${DATE} 00:00Z'`);

it("a day's feed is of one moment: what others commit between any two of its questions is not in it", async () => {
  let questions = 0;
  const expected = await feedWith(async (asked) => {
    questions = asked;
  });
  expect(questions).toBeGreaterThan(3);
  for (let at = 1; at <= questions; at += 1) {
    try {
      expect([at, await feedWith(async (asked) => void (asked === at && (await outflow("9"))))]).toEqual([
        at,
        expected,
      ]);
    } finally {
      await outflow("3");
    }
  }
});
