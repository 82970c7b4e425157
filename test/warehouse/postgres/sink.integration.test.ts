import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StageEvent } from "../../../stream/kafka/stage.ts";
import { type Database, openDatabase } from "../../../warehouse/postgres/client.ts";
import { ChainKindChanged, runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { statusRows } from "../../../warehouse/postgres/status.ts";
import { type Effect, MemoryCluster } from "../../support/memory-broker.ts";
import { keptLog } from "../../support/stage-bed.ts";
import { contents } from "./contents.ts";
import { killPostmaster, loginRole, startServer, stopWriters, type TestServer } from "./server.ts";
import { block, contextOn, hashOf, recordsOf, reorg, START, TOPICS } from "./story.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const kind = "ethereum";
const blocks = Array.from({ length: 60 }, (_, index) =>
  block(100 + index, START + 600 * index, [
    { flowType: "inflow", amount: BigInt(index + 1), to: "binance" },
    { flowType: "inter", amount: 3n, from: "binance", to: "kraken", asset: "USDT" },
  ]),
);
const lost = { height: 103, hash: hashOf("lost103"), parent: hashOf("b102"), time: START + 1900 };
const reorgs = [reorg(4, [lost], { ...lost, hash: hashOf("b103") })];

/** A cluster that holds what the stages before made of the first `count` blocks. */
function clusterOf(count = blocks.length): MemoryCluster {
  const cluster = new MemoryCluster();
  const records = recordsOf(blocks.slice(0, count), reorgs);
  for (const topic of [records.reorgs, records.final, records.flows, records.exchangeFlows]) {
    for (const record of topic) cluster.append(record);
  }
  return cluster;
}

/** The tables after a run from the beginning to `until` that nothing disturbed. */
async function undisturbed(until: number): Promise<Awaited<ReturnType<typeof contents>>> {
  const { db, url } = await server.migrated();
  await runPostgresSink(contextOn(clusterOf(until - 99).connect(), { until }), { url, kind });
  return contents(db);
}

async function counts(db: Database): Promise<readonly number[]> {
  const [row] = await db.query<{ counts: number[] }>(`select array[
    (select count(*) from public.blocks where status = 'final'), (select count(*) from public.blocks where status = 'orphaned'),
    (select count(*) from public.reorgs), (select count(*) from public.flow_legs)]::int[] as counts`);
  return row?.counts ?? [];
}

describe("the Postgres sink", () => {
  it("stores everything of a chain, reports how far it is, and stops at --until", async () => {
    const { db, url } = await server.migrated();
    const events: StageEvent[] = [];
    await runPostgresSink(contextOn(clusterOf().connect(), { until: 159, events }), { url, kind });
    expect(await counts(db)).toEqual([60, 1, 1, 120]);
    expect(events.at(-1)).toEqual({ kind: "stored", store: "postgres", height: 159 });
    expect(await statusRows(db)).toMatchObject([
      { chain: "ethereum", kind, final_height: 159, watermark: "2023-07-14T02:50:00Z", reorgs: 1 },
    ]);
  });

  it("writes nothing above --until, and goes on from there when it is started again", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf();
    await runPostgresSink(contextOn(cluster.connect(), { until: 120 }), { url, kind });
    expect(await contents(db)).toEqual(await undisturbed(120));
    await runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("ends at once, without a claim, when --until is past already", async () => {
    const { url } = await server.migrated();
    const cluster = clusterOf();
    await runPostgresSink(contextOn(cluster.connect(), { until: 130 }), { url, kind });
    const effects: Effect[] = [];
    const broker = cluster.connect((effect) => effects.push(effect));
    await runPostgresSink(contextOn(broker, { until: 125 }), { url, kind });
    expect(effects).toEqual([]);
  });

  it.each(["at once", "later"])("refuses an --until below the chain's first block, told %s", async (when) => {
    const { db, url } = await server.migrated();
    const cluster = new MemoryCluster();
    const tellFirst = () => cluster.append(...recordsOf(blocks.slice(0, 1), []).final);
    if (when === "at once") tellFirst();
    const broker = cluster.connect(({ kind: did }) => {
      if (did === "read" && cluster.records(TOPICS.final).length === 0) tellFirst();
    });
    // Nobody writes flows: what final tells is enough.
    const ended = runPostgresSink(contextOn(broker, { until: 99 }), { url, kind });
    await expect(ended).rejects.toThrow("the chain begins at 100, above --until 99");
    expect(await counts(db)).toEqual([0, 0, 0, 0]);
  });

  it("waits for blocks that are not there yet, and follows them", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf(10);
    const running = runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    await until(async () => (await counts(db))[0] === 10);
    appendRest(cluster);
    await running;
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("returns when it is told to stop", async () => {
    const { db, url } = await server.migrated();
    const stop = new AbortController();
    const running = runPostgresSink(contextOn(clusterOf().connect(), { signal: stop.signal }), { url, kind });
    await until(async () => (await counts(db))[3] === 120);
    stop.abort();
    await running;
  });

  it("reads a compacted topic to the same hours", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf();
    cluster.compact(TOPICS.exchangeFlows);
    await runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("needs no more than the rights of sluice_writer, in new months too, once the owner has migrated", async () => {
    const { db, url } = await server.migrated();
    const database = new URL(url).pathname.slice(1);
    await server.run(database, loginRole("writer", "sluice_writer"));
    const asset = { chain: "ethereum" as never, asset: "ETH", contract: undefined, decimals: 18 };
    const label = {
      chain: "ethereum" as never,
      address: "0xa1" as never,
      exchange: "binance",
      wallet: "B\t1",
    };
    const labels = [{ ...label, role: "", validFrom: START, source: "here" }];
    const catalog = () => ({ version: "v1", labels, assets: [asset] });
    const asWriter = { url: server.url(database, "writer"), kind, catalog };
    await runPostgresSink(contextOn(clusterOf().connect(), { until: 159 }), asWriter);
    expect(await contents(db)).toEqual(await undisturbed(159));
    expect(
      await db.query("select labels::text as label, assets::text as asset from public.labels, public.assets"),
    ).toEqual([
      { label: '(ethereum,0xa1,binance,"B\t1",,2023-07-13,here,v1)', asset: "(ethereum,ETH,,18,v1)" },
    ]);
  });

  it("leaves the last block of --until out where the reorgs before it can't be stored", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf(3);
    cluster.append({ topic: TOPICS.reorgs, key: "9", value: Buffer.from("no reorg") });
    const running = runPostgresSink(contextOn(cluster.connect(), { until: 102 }), { url, kind });
    await expect(running).rejects.toThrow(/reorgs.v1 at offset/);
    expect(await db.query("select height from public.blocks where height = 102")).toEqual([]);
  });

  it("refuses a chain whose name stands for another kind", async () => {
    const { url } = await server.migrated();
    await runPostgresSink(contextOn(clusterOf().connect(), { until: 100 }), { url, kind });
    const again = runPostgresSink(contextOn(clusterOf().connect(), { until: 101 }), { url, kind: "bitcoin" });
    await expect(again).rejects.toThrow(ChainKindChanged);
  });
});

describe("exactly once", () => {
  it("holds through crashes at each read", { timeout: 240_000 }, async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf();
    let effects = 0;
    const crashing = (after: number) => (effect: Effect) => {
      if (effect.kind !== "read" || effect.records === 0) return;
      effects += 1;
      if (effects % after === 0) throw new Error("crashed");
    };
    for (const until of [105, 118, 131, 144, 159]) {
      for (const after of [1, 2, 3]) {
        const broker = cluster.connect(crashing(after));
        await runPostgresSink(contextOn(broker, { until }), { url, kind }).catch((error: Error) =>
          expect(error.message).toBe("crashed"),
        );
        broker.kill();
      }
      await runPostgresSink(contextOn(cluster.connect(), { until }), { url, kind });
    }
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("holds while Postgres cuts its connections again and again", { timeout: 240_000 }, async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf(1);
    const running = runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    const records = recordsOf(blocks, reorgs);
    const queues = [records.final, records.flows, records.exchangeFlows].map((all) => [...all]);
    const topics = [TOPICS.final, TOPICS.flows, TOPICS.exchangeFlows];
    for (const [index, queue] of queues.entries())
      queue.splice(0, cluster.records(topics[index] ?? "").length);
    for (let round = 0; queues.some((queue) => queue.length > 0); round += 1) {
      for (const queue of queues) cluster.append(...queue.splice(0, 3));
      await db.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'postgres-ethereum' and ($1 or xact_start is not null)",
        [round % 3 === 0],
      );
      await sleep(20);
    }
    await running;
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("holds when Postgres is killed in mid-transaction and comes back", { timeout: 240_000 }, async () => {
    const own = await startServer();
    try {
      const { db, url } = await own.migrated();
      const cluster = clusterOf(20);
      const running = runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
      await until(async () => ((await counts(db))[3] ?? 0) >= 40);
      const reached = await stopWriters(db, "public.flow_legs");
      appendRest(cluster);
      await until(reached);
      expect((await counts(db))[3]).toBe(40);
      await killPostmaster(db);
      await running;
      expect(await contents(db)).toEqual(await undisturbed(159));
    } finally {
      await own.stop();
    }
  });

  it("waits while Postgres's disk is full, and goes on when it is not", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf(20);
    const { log, lines } = keptLog();
    const running = runPostgresSink(contextOn(cluster.connect(), { until: 159, log }), { url, kind });
    await until(async () => ((await counts(db))[0] ?? 0) >= 20);
    await db.query(`create function public.no_space() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$`);
    await db.query(
      "create trigger full_disk before insert on public.exchange_flows_hourly execute function public.no_space()",
    );
    appendRest(cluster);
    await until(async () => lines.some(({ reason }) => /No space left/.test(String(reason))));
    await db.query("drop function public.no_space() cascade");
    await running;
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("holds when a standby takes over from a process that was frozen", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf(20);
    const stop = new AbortController();
    const first = runPostgresSink(contextOn(cluster.connect(), { signal: stop.signal }), { url, kind });
    await until(async () => (await counts(db))[3] === 40);
    const second = runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    const group = cluster.group("postgres-ethereum");
    await until(async () => group.size === 2);
    group.expire();
    appendRest(cluster);
    await second;
    stop.abort();
    await first;
    expect(await contents(db)).toEqual(await undisturbed(159));
  });

  it("is not delayed by a transaction that a frozen predecessor left open", async () => {
    const { db, url } = await server.migrated();
    const cluster = clusterOf();
    await runPostgresSink(contextOn(cluster.connect(), { until: 110 }), { url, kind });
    const frozen = await openDatabase(url, { application: "postgres-ethereum" });
    let thaw = () => {};
    const held = frozen.transaction(async (dbTransaction) => {
      await dbTransaction.query("select * from sluice.offsets for update");
      await new Promise<void>((resolve) => {
        thaw = resolve;
      });
      await dbTransaction.query("update sluice.offsets set next_offset = 0");
    });
    const asleep =
      "select from pg_stat_activity where application_name = 'postgres-ethereum' and state = 'idle in transaction' and datname = current_database()";
    await until(async () => (await db.query(asleep)).length === 1);
    await runPostgresSink(contextOn(cluster.connect(), { until: 159 }), { url, kind });
    thaw();
    await expect(held).rejects.toThrow();
    await frozen.close();
    expect(await contents(db)).toEqual(await undisturbed(159));
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** What the stages before make of the blocks that the cluster does not hold yet. */
function appendRest(cluster: MemoryCluster): void {
  const records = recordsOf(blocks, reorgs);
  for (const topic of ["final", "flows", "exchangeFlows"] as const) {
    cluster.append(...records[topic].slice(cluster.records(TOPICS[topic]).length));
  }
}
