import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fenced } from "../../../stream/kafka/errors.ts";
import { applyBatch, beginLane, type Lane, readProgress } from "../../../warehouse/postgres/batch.ts";
import type { Database } from "../../../warehouse/postgres/client.ts";
import type { TopicKind } from "../../../warehouse/postgres/staging.ts";
import { contents } from "./contents.ts";
import { startServer, type TestServer } from "./server.ts";
import {
  asRead,
  block,
  CHAIN,
  hashOf,
  headersOf,
  recordsOf,
  reorg,
  START,
  stories,
  TOPICS,
} from "./story.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const laneOf = (kind: TopicKind): Lane => ({
  chain: CHAIN,
  topic: TOPICS[kind],
  kind,
  owner: "postgres-ethereum",
});

async function begun(): Promise<Database> {
  const { db } = await server.migrated();
  await begin(db);
  return db;
}

async function begin(db: Database): Promise<void> {
  await db.query("insert into public.chains (chain, kind) values ('ethereum', 'ethereum')");
  for (const kind of ["final", "reorgs", "flows", "exchangeFlows"] as const)
    await beginLane(db, laneOf(kind), 0);
}

async function wipe(db: Database): Promise<void> {
  await db.query(
    "truncate public.chains, public.blocks, public.reorgs, public.flow_legs, public.exchange_flows_hourly, sluice.offsets",
  );
  await begin(db);
}

/** Stores a topic's records in batches that end after `cuts`. */
async function feed(
  db: Database,
  kind: TopicKind,
  records: ReturnType<typeof asRead>,
  cuts: readonly number[],
) {
  let from = 0;
  for (const end of [...new Set([...cuts.filter((cut) => cut < records.length), records.length])].sort(
    (a, b) => a - b,
  )) {
    // Delivered twice: what was stored already stands before the batch again.
    const progress = await applyBatch(db, laneOf(kind), from, records.slice(0, end));
    from = progress.next;
  }
}

describe("a batch", () => {
  it("writes each table as its records say", async () => {
    const db = await begun();
    const blocks = [
      block(100, START, [{ flowType: "inflow", amount: 2n ** 200n, to: "binance" }]),
      block(101, START + 12, [
        { flowType: "outflow", amount: 5n, from: "binance" },
        { flowType: "issued", amount: 7n, to: "kraken", asset: "USDT" },
      ]),
    ];
    const records = recordsOf(blocks);
    for (const kind of ["final", "flows", "exchangeFlows"] as const)
      await feed(db, kind, asRead(records[kind]), []);
    expect(await contents(db)).toEqual({
      chains: [
        `(ethereum,ethereum,100,"2023-07-13 17:00:00+00",101,${hashOf("b101")},"2023-07-13 17:00:12+00","2023-07-13 17:00:12+00")`,
      ],
      blocks: [
        `(ethereum,100,${hashOf("b100")},${hashOf("b99")},"2023-07-13 17:00:00+00",final)`,
        `(ethereum,101,${hashOf("b101")},${hashOf("b100")},"2023-07-13 17:00:12+00",final)`,
      ],
      reorgs: [],
      flow_legs: [
        `(ethereum,100,${hashOf("b100")},"2023-07-13 17:00:00+00",${hashOf("t100.0")},0,ETH,native,inflow,,binance,0xa1,0xb2,${2n ** 200n},block,v1)`,
        `(ethereum,101,${hashOf("b101")},"2023-07-13 17:00:12+00",${hashOf("t101.0")},0,ETH,native,outflow,binance,,0xa1,0xb2,5,block,v1)`,
        `(ethereum,101,${hashOf("b101")},"2023-07-13 17:00:12+00",,1,USDT,withdrawal,issued,,kraken,,0xb2,7,block,v1)`,
      ],
      exchange_flows_hourly: [
        `(ethereum,binance,ETH,"2023-07-13 17:00:00+00",${2n ** 200n},5,${2n ** 200n - 5n},0,0,0,1,1,1,1,0,0,0,f,100,101)`,
        '(ethereum,kraken,USDT,"2023-07-13 17:00:00+00",0,0,0,0,0,0,0,0,0,0,7,0,0,f,101,101)',
      ],
    });
  });

  it("moves the offset behind its last record, with the height that is wholly stored", async () => {
    const db = await begun();
    const records = recordsOf([block(100, START), block(101, START + 12)]);
    await applyBatch(db, laneOf("final"), 0, asRead(records.final));
    await applyBatch(db, laneOf("exchangeFlows"), 0, asRead(records.exchangeFlows).slice(0, 1));
    const progress = await readProgress(db, CHAIN);
    expect(progress.get(TOPICS.final)).toEqual({ next: 3, through: 101 });
    expect(progress.get(TOPICS.exchangeFlows)).toEqual({ next: 1, through: 100 });
    expect(progress.get(TOPICS.flows)).toEqual({ next: 0, through: undefined });
  });

  it("of a zombie is refused: its beginning is not the stored offset any more", async () => {
    const db = await begun();
    const records = asRead(recordsOf([block(100, START), block(101, START + 12)]).final);
    await applyBatch(db, laneOf("final"), 0, records.slice(0, 1));
    const before = await contents(db);
    await expect(applyBatch(db, laneOf("final"), 0, records)).rejects.toThrow(
      new Fenced("postgres-ethereum"),
    );
    expect(await contents(db)).toEqual(before);
  });

  it("waits for another copy's batch to end, and then is refused", async () => {
    const db = await begun();
    const records = asRead(recordsOf([block(100, START)]).final);
    const both = await Promise.allSettled([
      applyBatch(db, laneOf("final"), 0, records),
      applyBatch(db, laneOf("final"), 0, records),
    ]);
    expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await contents(db))["blocks"]).toHaveLength(1);
  });

  it("of records that stand already changes nothing, and goes nowhere back", async () => {
    const db = await begun();
    const records = asRead(recordsOf([block(100, START), block(101, START + 12)]).final);
    await applyBatch(db, laneOf("final"), 0, records);
    expect(await applyBatch(db, laneOf("final"), 3, records)).toEqual({
      next: 3,
      through: undefined,
      labelVersions: [],
    });
    expect((await readProgress(db, CHAIN)).get(TOPICS.final)).toEqual({ next: 3, through: 101 });
  });

  it("that fails in the middle leaves neither rows nor offset", async () => {
    const db = await begun();
    const records = recordsOf([block(100, START, [{ flowType: "inflow", amount: -1n, to: "binance" }])]);
    await expect(applyBatch(db, laneOf("flows"), 0, asRead(records.flows))).rejects.toThrow(
      /flow_legs_amount_check/,
    );
    expect((await contents(db))["flow_legs"]).toEqual([]);
    expect((await readProgress(db, CHAIN)).get(TOPICS.flows)).toEqual({ next: 0, through: undefined });
  });

  it("names topic and offset of a record that can't be read", async () => {
    const db = await begun();
    const record = { topic: TOPICS.flows, key: "x", value: Buffer.from("{}"), headers: {}, offset: 7 };
    await expect(applyBatch(db, laneOf("flows"), 0, [record])).rejects.toThrow(
      "ethereum.flows.v1 at offset 7: field height is not an integer",
    );
  });
});

describe("an orphaned block", () => {
  const [b100, b101] = headersOf([block(100, START), block(101, START + 12)]) as [never, never];
  const rival = { height: 101, hash: hashOf("r101"), parent: hashOf("b100"), time: START + 13 };
  const away = reorg(9, [b101], rival);
  const records = recordsOf([block(100, START), block(101, START + 12)], [away, { ...away, rawOffset: 12 }]);
  const statuses = (db: Database) =>
    db.query("select height::int, block_hash, status from public.blocks order by height, block_hash");

  it("stays orphaned while it is not released", async () => {
    const db = await begun();
    await feed(db, "reorgs", asRead(records.reorgs), []);
    expect(await statuses(db)).toEqual([{ height: 101, block_hash: hashOf("b101"), status: "orphaned" }]);
    expect((await contents(db))["reorgs"]).toEqual([
      `(ethereum,9,101,${hashOf("b101")},101,${hashOf("r101")},100,${hashOf("b100")},1)`,
      `(ethereum,12,101,${hashOf("b101")},101,${hashOf("r101")},100,${hashOf("b100")},1)`,
    ]);
  });

  it.each([
    ["before", ["reorgs", "final"]],
    ["after", ["final", "reorgs"]],
  ] as const)("is final once it came back and was released, its reorg read %s", async (_, order) => {
    const db = await begun();
    for (const kind of order) await feed(db, kind, asRead(records[kind]), []);
    expect(await statuses(db)).toEqual([
      { height: 100, block_hash: (b100 as { hash: string }).hash, status: "final" },
      { height: 101, block_hash: hashOf("b101"), status: "final" },
    ]);
  });
});

describe("any batching, and delivery twice,", () => {
  it("gives the same tables", { timeout: 240_000 }, async () => {
    const [whole, cut] = [await begun(), await begun()];
    const kinds = ["final", "flows", "exchangeFlows", "reorgs"] as const;
    await fc.assert(
      fc.asyncProperty(
        stories,
        fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 8 }),
        fc.shuffledSubarray([...kinds], { minLength: 4 }),
        async (blocks, cuts, order) => {
          const lost = { height: 101, hash: hashOf("lost"), parent: hashOf("b100"), time: START + 1 };
          const records = recordsOf(blocks, [reorg(3, [lost], { ...lost, hash: hashOf("b101") })]);
          await wipe(whole);
          await wipe(cut);
          for (const kind of kinds) await feed(whole, kind, asRead(records[kind]), []);
          for (const kind of order) await feed(cut, kind, asRead(records[kind]), cuts);
          expect(await contents(cut)).toEqual(await contents(whole));
        },
      ),
      { numRuns: 25 },
    );
  });
});
