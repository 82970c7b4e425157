import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import { applyBatch, beginLane, type Lane } from "../../../warehouse/postgres/batch.ts";
import { syncCatalog } from "../../../warehouse/postgres/catalog.ts";
import { type Database, openDatabase } from "../../../warehouse/postgres/client.ts";
import { readSqlFiles } from "../../../warehouse/postgres/sql-files.ts";
import type { TopicKind } from "../../../warehouse/postgres/staging.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { announce, grow, rewindTo, settle } from "../../support/rewind-story.ts";
import { CHAIN, TOPICS } from "../../support/stage-bed.ts";
import { contents } from "./contents.ts";
import { loginRole, startServer, type TestServer } from "./server.ts";

const LANES: readonly Lane[] = (["final", "reorgs", "flows", "exchangeFlows"] as const).map(
  (kind: TopicKind) => ({
    chain: CHAIN,
    topic: TOPICS[kind],
    kind,
    owner: "postgres-story",
  }),
);

/** The labels by which the story's legs are made. */
const LABELS = {
  version: "v",
  labels: [],
  assets: [{ chain: CHAIN, asset: "ETH", contract: undefined, decimals: 18 }],
};

const first = root(5);
const honest = [first, ...grow(first, 30, "a")];
const rival = grow(honest[20] as BlockHeader, 14, "b");
const branch = [...honest.slice(0, 21), ...rival];

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** Stores what the topics hold and the tables do not, `step` records at a time, as the user whose `url` it is. */
async function store(db: Database, cluster: MemoryCluster, step = 1000): Promise<void> {
  await db.query("insert into public.chains (chain, kind) values ($1, 'ethereum') on conflict do nothing", [
    CHAIN,
  ]);
  await syncCatalog(db, LABELS);
  for (const lane of LANES) {
    await beginLane(db, lane, 0);
    const records = cluster.records(lane.topic);
    const [row] = await db.query<{ next: string }>(
      "select next_offset as next from sluice.offsets where topic = $1",
      [lane.topic],
    );
    let from = Number(row?.next);
    for (let at = 0; at < records.length; at += step) {
      const { next } = await applyBatch(db, lane, from, records.slice(0, at + step));
      from = next;
    }
  }
}

/** Every check of the models returns zero rows. */
async function expectChecked(db: Database): Promise<void> {
  for (const { name, text } of readSqlFiles("checks"))
    expect([name, await db.query(text)]).toEqual([name, []]);
}

async function halted(): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  announce(cluster, honest);
  await settle(cluster, "gate", "flows", "aggregate");
  announce(cluster, rival);
  await settle(cluster, "gate");
  return cluster;
}

/** The tables of one who has seen nothing but the new branch; its blocks that were taken back are orphaned here. */
async function oracle(orphaned: readonly BlockHeader[]) {
  const cluster = new MemoryCluster();
  announce(cluster, branch);
  await settle(cluster, "gate", "flows", "aggregate");
  const { db } = await server.migrated();
  await store(db, cluster);
  for (const { height, hash, parent, time } of orphaned) {
    await db.query(
      `insert into public.blocks (chain, height, block_hash, parent_hash, block_time, status)
       values ($1, $2, $3, $4, to_timestamp($5), 'orphaned')`,
      [CHAIN, height, hash, parent, time],
    );
  }
  return contents(db);
}

describe("a rewind in Postgres", () => {
  it("takes rows back into the record, by a user who may not delete, and goes on with the new branch", async () => {
    const { db: owner, url } = await server.migrated();
    const name = new URL(url).pathname.slice(1);
    await server.run(name, loginRole("rewinding_writer", "sluice_writer"));
    const db = await openDatabase(server.url(name, "rewinding_writer"));
    try {
      const cluster = await halted();
      await store(db, cluster);
      const legs = await owner.query("select * from public.flow_legs where height > 25");
      const hours = await owner.query("select * from public.exchange_flows_hourly where last_height > 25");
      await expect(db.query("delete from public.flow_legs")).rejects.toThrow(/permission denied/);

      await rewindTo(cluster, 25);
      await settle(cluster, "flows", "aggregate");
      await store(db, cluster, 7);
      const [chain] = await owner.query(
        "select final_height, final_hash, extract(epoch from watermark)::int as watermark from public.chains",
      );
      expect(chain).toEqual({ final_height: "25", final_hash: "a25", watermark: honest[20]?.time });
      const taken = await owner.query<{ table_name: string; count: number }>(
        "select table_name, count(*)::int from sluice.taken_back group by 1 order by 1",
      );
      expect(taken).toContainEqual({ table_name: "blocks", count: 8 });
      expect(taken).toContainEqual({ table_name: "flow_legs", count: legs.length });
      expect(taken.find((one) => one.table_name === "exchange_flows_hourly")?.count).toBeGreaterThanOrEqual(
        hours.length,
      );
      expect(
        await owner.query("select rewind, height, block_hash, newest_height from sluice.rewinds"),
      ).toEqual([{ rewind: 1, height: "25", block_hash: "a25", newest_height: "33" }]);
      const [amount] = await owner.query<{ exact: boolean }>(
        `select bool_and(content ->> 'amount' = '26097') as exact from sluice.taken_back
         where table_name = 'flow_legs' and content ->> 'height' = '26'`,
      );
      expect(amount?.exact).toBe(true);

      await expectChecked(owner);

      await settle(cluster, "gate", "flows", "aggregate");
      await store(db, cluster, 3);
      await expectChecked(owner);
      expect(await contents(owner)).toEqual(await oracle(honest.slice(21, 29)));
    } finally {
      await db.close();
    }
  });

  it("comes to the same in a database that reads it all anew, whatever the batches", async () => {
    const cluster = await halted();
    await rewindTo(cluster, 25);
    await settle(cluster, "flows", "aggregate", "gate");
    await settle(cluster, "flows", "aggregate");
    const expected = await oracle(honest.slice(21, 29));
    let kept: readonly unknown[] | undefined;
    for (const step of [1, 5, 1000]) {
      const { db } = await server.migrated();
      await store(db, cluster, step);
      expect(await contents(db)).toEqual(expected);
      const taken = await db.query("select * from sluice.taken_back order by table_name, at, content::text");
      kept ??= taken;
      expect(kept.length).toBeGreaterThan(0);
      expect(taken).toEqual(kept);
    }
  });
});
