import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fenced } from "../../../stream/kafka/errors.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { LAKE_TABLES, type LakeTable } from "../../../warehouse/lake/tables.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { rowsOf } from "./reading.ts";
import { contextOn, publish, tell } from "./story.ts";

/** What happens before each day file is put in place. */
const beforeRename = vi.hoisted(() => ({ do: async () => {} }));
vi.mock("../../../warehouse/durable.ts", async (original) => {
  const real = await original<typeof import("../../../warehouse/durable.ts")>();
  return {
    ...real,
    replaceFile: async (...[staged, target, disk]: Parameters<typeof real.replaceFile>) => {
      await beforeRename.do();
      await real.replaceFile(staged, target, disk);
    },
  };
});

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-tenure-"));
});
afterEach(() => {
  beforeRename.do = async () => {};
  rmSync(home, { recursive: true, force: true });
});

describe("a lake sink that sleeps through its replacement", () => {
  const blocks = tell(
    Array.from({ length: 6 }, (_, index) => ({
      at: new Date(Date.parse("2023-07-13T12:00:00Z") + index * 10 * 3_600_000).toISOString(),
      legs: [["inflow", "binance", "ETH", 5n] as const],
    })),
  );
  const until = blocks.at(-1)?.height ?? 0;

  async function contents(lake: string): Promise<unknown> {
    const tables = Object.keys(LAKE_TABLES) as LakeTable[];
    return Promise.all(tables.map(async (table) => [table, await rowsOf(lake, table)]));
  }

  async function written(lake: string): Promise<void> {
    const cluster = new MemoryCluster();
    publish(cluster, blocks);
    await runLakeSink(contextOn(cluster, { until }), { lake });
  }

  it.each([1, 2, 3, 5, 8])("is fenced when it wakes up at its rename %i", async (at) => {
    const undisturbed = join(home, "undisturbed");
    await written(undisturbed);
    const lake = join(home, "lake");
    let renames = 0;
    let awake: unknown;
    beforeRename.do = async () => {
      renames += 1;
      if (renames !== at) return;
      beforeRename.do = async () => {};
      // Another copy, to which the group gave the chain meanwhile, does all the work.
      await written(lake);
      awake = await contents(lake);
    };
    await expect(written(lake)).rejects.toThrow(Fenced);
    expect(awake).toEqual(await contents(undisturbed));
    expect(await contents(lake)).toEqual(awake);
  });
});
