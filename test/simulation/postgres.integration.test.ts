import { expect, test } from "vitest";
import { applyBatch, beginLane, type Lane, readProgress } from "../../warehouse/postgres/batch.ts";
import type { Database } from "../../warehouse/postgres/client.ts";
import type { TopicKind } from "../../warehouse/postgres/staging.ts";
import { startServer } from "../warehouse/postgres/server.ts";
import {
  asRead,
  block,
  CHAIN,
  hashOf,
  recordsOf,
  reorg,
  START,
  TOPICS,
} from "../warehouse/postgres/story.ts";
import { SimPostgres } from "./postgres.ts";
import { SimProcess } from "./process.ts";
import { Scheduler } from "./scheduler.ts";

const KINDS = ["final", "reorgs", "flows", "exchangeFlows"] as const;
const TABLES = ["sluice.offsets", "public.chains", "public.blocks", "public.reorgs", "public.flow_legs"];

const blocks = [0, 12, 3600, 3612, 7300].map((afterS, at) =>
  block(100 + at, START + afterS, [
    { flowType: "inflow", amount: 2n ** 200n + BigInt(at), to: "binance" },
    { flowType: "issued", amount: 7n, to: "kraken", asset: "USDT" },
  ]),
);
const orphan = { height: 102, hash: hashOf("rival"), parent: hashOf("b101"), time: START + 100 };
const back = { height: 102, hash: hashOf("b102"), parent: hashOf("b101"), time: START + 3600 };
const head = { height: 102, hash: hashOf("head"), parent: hashOf("b101"), time: START + 4000 };
const records = recordsOf(blocks, [reorg(7, [orphan], head), reorg(9, [back], head)]);

/** What the sink does to a database: in batches, as a zombie, again, and what a block that was orphaned comes to. */
async function play(db: Database): Promise<readonly unknown[]> {
  const laneOf = (kind: TopicKind): Lane => ({ chain: CHAIN, topic: TOPICS[kind], kind, owner: "postgres" });
  await db.query("insert into public.chains (chain, kind) values ($1, $2) on conflict do nothing", [
    CHAIN,
    "a",
  ]);
  await db.query("insert into public.chains (chain, kind) values ($1, $2) on conflict do nothing", [
    CHAIN,
    "b",
  ]);
  const outcomes: unknown[] = [await db.query("select kind from public.chains where chain = $1", [CHAIN])];
  for (const kind of KINDS) {
    const all = asRead(records[kind]);
    await beginLane(db, laneOf(kind), 0);
    const { next } = await applyBatch(db, laneOf(kind), 0, all.slice(0, 1));
    outcomes.push(next, await applyBatch(db, laneOf(kind), 0, all).catch(String));
    outcomes.push(await applyBatch(db, laneOf(kind), next, all));
  }
  const failing = db.transaction(async (dbTransaction) => {
    await dbTransaction.query("update public.chains set watermark = $2 where chain = $1", [CHAIN, null]);
    throw new Error("rolled back");
  });
  outcomes.push(await failing.catch(String), [...(await readProgress(db, CHAIN))].sort());
  return outcomes;
}

/** Both print rows by their columns' names; the real one's timestamps are of type Date. */
function lines(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const text = (value: unknown) => {
    const printed = value instanceof Date ? value.toISOString() : String(value);
    return printed.replace(".000Z", "Z");
  };
  return rows
    .map((row) =>
      Object.keys(row)
        .sort((one, other) => (one < other ? -1 : 1))
        .flatMap((name) => (row[name] === null ? [] : [`${name}=${text(row[name])}`]))
        .join(" "),
    )
    .sort();
}

test("the simulated Postgres does what the real one does", async () => {
  const scheduler = new Scheduler(1);
  const simulated = new SimPostgres(scheduler);
  const process = new SimProcess("a", scheduler, {
    at: () => undefined,
    fault: () => false,
    powerCut: () => undefined,
  });
  const outcomes = await scheduler.drive(play(simulated.open(process, "postgres")));

  const server = await startServer();
  try {
    const { db } = await server.migrated();
    expect(await play(db)).toEqual(outcomes);
    for (const table of TABLES)
      expect(lines(simulated.rows(table))).toEqual(lines(await db.query(`select * from ${table}`)));
    const hours = await db.query<Readonly<Record<string, unknown>>>(
      "select * from public.exchange_flows_hourly",
    );
    const stored = hours.map(({ netflow, ...row }) => row);
    expect(lines(simulated.rows("public.exchange_flows_hourly"))).toEqual(lines(stored));
  } finally {
    await server.stop();
  }
});
