import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Broker } from "../../../stream/kafka/broker.ts";
import { readMetas } from "../../../warehouse/lake/day-file.ts";
import { openDuckDb } from "../../../warehouse/lake/duckdb.ts";
import { queryLake } from "../../../warehouse/lake/query.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { LAKE_TABLES, type LakeTable } from "../../../warehouse/lake/tables.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { metasOf, rowsOf } from "./reading.ts";
import { CHAIN, type Chapter, contextOn, publish, TOPICS, tell } from "./story.ts";

/** What the test does around each rename of a day file. */
const rename = vi.hoisted(() => ({
  before: async (_target: string) => {},
  after: () => {},
}));
vi.mock("../../../warehouse/durable.ts", async (original) => {
  const real = await original<typeof import("../../../warehouse/durable.ts")>();
  return {
    ...real,
    replaceFile: async (...[staged, target, disk]: Parameters<typeof real.replaceFile>) => {
      await rename.before(target);
      await real.replaceFile(staged, target, disk);
      rename.after();
    },
  };
});

class Crash extends Error {}

const TABLES = Object.keys(LAKE_TABLES) as LakeTable[];
const folders: string[] = [];
/** No query is ended before its time. */
const NEVER = new AbortController().signal;
afterEach(() => {
  rename.before = async () => {};
  rename.after = () => {};
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newLake(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-laws-"));
  folders.push(folder);
  return join(folder, "lake");
}

const leg = fc.tuple(
  fc.constantFrom("inflow" as const, "outflow" as const),
  fc.constantFrom("binance", "okx"),
  fc.constantFrom("ETH", "USDT"),
  fc.bigInt(1n, 2n ** 140n),
);
/** Times rise by 1 s to 30 h a block, so that days are skipped, crowded and silent. */
const story = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 30 * 3600 }), fc.array(leg, { maxLength: 2 })), {
    minLength: 1,
    maxLength: 14,
  })
  .map((steps) => {
    let time = Date.parse("2023-07-13T23:00:00Z");
    const chapters: Chapter[] = steps.map(([gap, legs]) => {
      time += gap * 1000;
      return { at: new Date(time).toISOString(), legs };
    });
    return tell(chapters);
  });

async function contentsOf(lake: string) {
  const contents: Record<string, unknown> = {};
  for (const table of TABLES) {
    const closed = [...(await metasOf(lake, table))].map(([day, meta]) => `${day} ${meta.closed}`);
    contents[table] = { rows: await rowsOf(lake, table), closed };
  }
  return contents;
}

/** A broker whose reads bring at most `most` records. */
function slow(broker: Broker, most: number): Broker {
  return {
    ensureTopics: (specs) => broker.ensureTopics(specs),
    claim: (where, signal) => broker.claim(where, signal),
    openWriter: (id) => broker.openWriter(id),
    bounds: (topic) => broker.bounds(topic),
    close: () => broker.close(),
    openReader: async (topic, offset) => {
      const reader = await broker.openReader(topic, offset);
      return {
        read: () => reader.read({ maxRecords: most }),
        position: () => reader.position(),
        seek: (to) => reader.seek(to),
        close: () => reader.close(),
      };
    },
  };
}

/** Each run writes dozens of files durably: on a busy disk that takes its time. */
const PATIENCE = { timeout: 240_000 };

describe("the lake's laws", PATIENCE, () => {
  it("after any batches and a crash around any rename or read, a restart ends with the same rows", async () => {
    const plan = fc.record({
      blocks: story,
      most: fc.integer({ min: 1, max: 9 }),
      flushMs: fc.constantFrom(0, 1000),
      crashes: fc.array(
        fc.tuple(fc.constantFrom("before", "after", "read"), fc.integer({ min: 1, max: 12 })),
        { maxLength: 3 },
      ),
      compacted: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ blocks, most, flushMs, crashes, compacted }) => {
        const until = blocks.at(-1)?.height ?? 0;
        const cluster = new MemoryCluster();
        publish(cluster, blocks);
        const undisturbed = newLake();
        await runLakeSink(contextOn(cluster, { until }), { lake: undisturbed });
        if (compacted) cluster.compact(TOPICS.exchangeFlows);
        const lake = newLake();
        for (const [where, at] of [...crashes, ["never", 0] as const]) {
          let left = at;
          const strike = () => {
            left -= 1;
            if (left === 0) throw new Crash(where);
          };
          rename.before = async (target) => {
            if (where === "before") strike();
            await refuseClosed(target);
          };
          rename.after = () => (where === "after" ? strike() : undefined);
          const context = contextOn(cluster, {
            until,
            onEffect: (effect) => (where === "read" && effect.kind === "read" ? strike() : undefined),
          });
          try {
            await runLakeSink({ ...context, broker: slow(context.broker, most) }, { lake, flushMs });
          } catch (error) {
            if (!(error instanceof Crash)) throw error;
          }
          context.crash();
        }
        expect(await contentsOf(lake)).toEqual(await contentsOf(undisturbed));
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it("`until` at any height, then more, is the same as all at once", async () => {
    await fc.assert(
      fc.asyncProperty(story, fc.nat(), async (blocks, cut) => {
        const last = blocks.at(-1)?.height ?? 0;
        const first = blocks[0]?.height ?? 0;
        const middle = first + (cut % blocks.length);
        const cluster = new MemoryCluster();
        publish(cluster, blocks);
        const [once, twice, part] = [newLake(), newLake(), newLake()];
        await runLakeSink(contextOn(cluster, { until: last }), { lake: once });
        await runLakeSink(contextOn(cluster, { until: middle }), { lake: twice });
        const shorter = new MemoryCluster();
        publish(shorter, blocks.slice(0, middle - first + 1));
        await runLakeSink(contextOn(shorter, { until: middle }), { lake: part });
        expect(await contentsOf(twice)).toEqual(await contentsOf(part));
        await runLakeSink(contextOn(cluster, { until: last }), { lake: twice });
        expect(await contentsOf(twice)).toEqual(await contentsOf(once));
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it("a reader that globs all the while never fails and never sees half a block", async () => {
    const chapters: Chapter[] = Array.from({ length: 60 }, (_, index) => ({
      at: new Date(Date.parse("2023-07-13T20:00:00Z") + index * 1_200_000).toISOString(),
      legs: [
        ["inflow", "binance", "ETH", 1n],
        ["outflow", "okx", "ETH", 1n],
      ],
    }));
    const cluster = new MemoryCluster();
    publish(cluster, tell(chapters));
    const lake = newLake();
    const context = contextOn(cluster, { until: 159 });
    let renames = 0;
    rename.after = () => {
      renames += 1;
    };
    let ended = false;
    const writing = runLakeSink(
      { ...context, broker: slow(context.broker, 1) },
      { lake, flushMs: 0 },
    ).finally(() => {
      ended = true;
    });
    let reads = 0;
    while (!ended) {
      const sql = "select count(*) as legs, count(distinct height) as blocks from flow_legs";
      const [row] = JSON.parse(await queryLake(lake, sql, { json: true, signal: NEVER })) as {
        legs: number;
        blocks: number;
      }[];
      expect(row?.legs).toBe(2 * (row?.blocks ?? 0));
      reads += 1;
    }
    await writing;
    expect(await rowsOf(lake, "flow_legs")).toHaveLength(120);
    expect(reads).toBeGreaterThan(5);
    expect(renames).toBeGreaterThan(20);
  });
});

/** A file whose day is closed must never be replaced. */
async function refuseClosed(target: string): Promise<void> {
  if (!existsSync(target)) return;
  const match = /^(.*)\/(\w+)\/chain=[^/]+\/date=([^/]+)\//.exec(target);
  const db = await openDuckDb();
  const spec = LAKE_TABLES[match?.[2] as LakeTable];
  const metas = await readMetas(db, { lake: match?.[1] ?? "", chain: CHAIN, spec });
  db.close();
  expect([...metas].find(([day]) => day === match?.[3])?.[1].closed, `${target} was closed`).toBe(false);
}
