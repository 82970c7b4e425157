import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import type { LakeTable } from "../../../warehouse/lake/tables.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { announce, grow, rewindTo, settle } from "../../support/rewind-story.ts";
import { CHAIN, runToRest, TOPICS } from "../../support/stage-bed.ts";
import { rowsOf } from "./reading.ts";

/** Some three blocks a day. */
const SPACING_S = 30_000;
const TABLES: readonly LakeTable[] = ["blocks", "flow_legs", "exchange_flows_hourly"];

const first = root(5);
const honest = [first, ...grow(first, 30, "a", SPACING_S)];
const rival = grow(honest[20] as BlockHeader, 14, "b", SPACING_S + 1000);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-lake-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function store(cluster: MemoryCluster, lake: string): Promise<void> {
  const run = (context: Parameters<typeof runLakeSink>[0]) => runLakeSink(context, { lake, flushMs: 0 });
  for (let round = 0; round < 2; round += 1) {
    expect(await runToRest(cluster, { run, input: TOPICS.exchangeFlows })).toEqual({ kind: "rested" });
  }
}

/** All rows, and the files that they stand in: a day of which no block is left has none. */
async function rows(lake: string) {
  const files = readdirSync(lake, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".parquet"),
  );
  const tables = await Promise.all(TABLES.map(async (table) => [table, await rowsOf(lake, table)]));
  return { ...Object.fromEntries(tables), files: files.sort() };
}

/** The lake of one who has seen nothing but `blocks`. */
async function oracleOf(blocks: readonly BlockHeader[]) {
  const cluster = new MemoryCluster();
  announce(cluster, blocks);
  await settle(cluster, "gate", "flows", "aggregate");
  const lake = join(folder, `oracle-${blocks.length}`);
  await store(cluster, lake);
  return rows(lake);
}

async function halted(): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  announce(cluster, honest);
  await settle(cluster, "gate", "flows", "aggregate");
  announce(cluster, rival);
  await settle(cluster, "gate");
  return cluster;
}

describe("a rewind in the lake", () => {
  it("takes rows out of their days, opens days again, and the days go on with the new branch", async () => {
    const cluster = await halted();
    const lake = join(folder, "lake");
    await store(cluster, lake);
    await rewindTo(cluster, 25);
    await settle(cluster, "flows", "aggregate");
    await store(cluster, lake);
    const kept = await rows(lake);
    expect(kept["blocks"]).toHaveLength(21);
    // What is final of the oracle's chain stops two below its tip.
    expect(kept).toEqual(await oracleOf(honest.slice(0, 23)));
    await settle(cluster, "gate", "flows", "aggregate");
    await store(cluster, lake);
    expect(await rows(lake)).toEqual(await oracleOf([...honest.slice(0, 21), ...rival]));

    const rebuilt = join(folder, "rebuilt");
    await store(cluster, rebuilt);
    expect(await rows(rebuilt)).toEqual(await rows(lake));
  });

  it("is made good where the cleaner took its mark before the lake came to it", async () => {
    const cluster = await halted();
    const lake = join(folder, "lake");
    await store(cluster, lake);
    await rewindTo(cluster, 10);
    await settle(cluster, "gate", "flows", "aggregate");
    await rewindTo(cluster, 30);
    await settle(cluster, "gate", "flows", "aggregate");
    cluster.compact(TOPICS.exchangeFlows, "gone");
    await store(cluster, lake);
    expect(await rows(lake)).toEqual(await oracleOf([...honest.slice(0, 21), ...rival]));
  });

  it("is done again from wherever a crash left it", async () => {
    const cluster = await halted();
    const [before, after] = [join(folder, "before"), join(folder, "after")];
    await store(cluster, before);
    cpSync(before, after, { recursive: true });
    await rewindTo(cluster, 10);
    await settle(cluster, "flows", "aggregate");
    await store(cluster, after);
    await settle(cluster, "gate", "flows", "aggregate");
    const expected = await oracleOf([...honest.slice(0, 21), ...rival]);
    const days = readdirSync(join(before, "blocks", `chain=${CHAIN}`)).sort();
    for (let done = 0; done <= days.length; done += 3) {
      const lake = join(folder, `crashed-${done}`);
      cpSync(before, lake, { recursive: true });
      for (const table of TABLES) {
        for (const day of days.slice(0, done)) {
          const [from, to] = [after, lake].map((one) => join(one, table, `chain=${CHAIN}`, day)) as [
            string,
            string,
          ];
          rmSync(to, { recursive: true, force: true });
          if (readdirSync(join(after, table, `chain=${CHAIN}`)).includes(day))
            cpSync(from, to, { recursive: true });
        }
      }
      await store(cluster, lake);
      expect(await rows(lake)).toEqual(expected);
    }
  });
});
