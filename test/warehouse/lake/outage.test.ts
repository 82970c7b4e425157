import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DISK, type Disk } from "../../../warehouse/disk.ts";
import { LAKE_EDGE, type LakeEdge } from "../../../warehouse/lake/edge.ts";
import { LakeUnwritable } from "../../../warehouse/lake/outage.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { canMount, mount } from "../../support/mounts.ts";
import { keptLog } from "../../support/stage-bed.ts";
import { rowsOf } from "./reading.ts";
import { contextOn, publish, tell } from "./story.ts";

const TABLES = ["blocks", "flow_legs", "exchange_flows_hourly"] as const;
const STORY = tell(
  Array.from({ length: 6 }, (_, index) => ({
    at: `2023-07-${13 + index}T12:00:00Z`,
    legs: [["inflow", "binance", "ETH", BigInt(index + 1)]] as const,
  })),
);
const LAST = 105;

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sluice-lake-outage-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const allRows = async (lake: string) => Promise.all(TABLES.map((table) => rowsOf(lake, table)));

async function undisturbed(): Promise<Awaited<ReturnType<typeof allRows>>> {
  const cluster = new MemoryCluster();
  publish(cluster, STORY);
  const lake = join(root, "quiet");
  await runLakeSink(contextOn(cluster, { until: LAST }), { lake, flushMs: 0 });
  return allRows(lake);
}

/** A disk whose writing calls fail with `code`, from number `from` on, `count` times. */
function failing(code: string, { from, count }: { from: number; count: number }): LakeEdge {
  let calls = 0;
  const guarded =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      calls += 1;
      if (calls >= from && calls < from + count) throw Object.assign(new Error(`${code}: no luck`), { code });
      return call(...args);
    };
  const disk: Disk = {
    ...DISK,
    makeFolders: guarded(DISK.makeFolders),
    write: guarded(DISK.write),
    append: guarded(DISK.append),
    sync: guarded(DISK.sync),
    rename: guarded(DISK.rename),
  };
  return { ...LAKE_EDGE, disk };
}

describe("the lake sink, whose folder can't be written for a while", () => {
  it.each(["ENOSPC", "EROFS"])("waits, says so, and loses nothing (%s at any step)", async (code) => {
    const wanted = await undisturbed();
    for (let from = 1; from <= 25; from += 4) {
      const cluster = new MemoryCluster();
      publish(cluster, STORY);
      const lake = join(root, `${code}-${from}`);
      const { log, lines } = keptLog();
      const edge = failing(code, { from, count: 2 });
      await runLakeSink({ ...contextOn(cluster, { until: LAST }), log }, { lake, flushMs: 0, edge });
      expect(await allRows(lake), `from call ${from}`).toEqual(wanted);
      expect(lines.map(({ msg }) => msg)).toEqual(["lake can't be written"]);
    }
  });

  it("ends with what to do when it lasts for five minutes", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    let now = 0;
    const clock = {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
      random: () => 0,
    };
    const edge = failing("EROFS", { from: 1, count: Number.POSITIVE_INFINITY });
    const lake = join(root, "lake");
    await expect(
      runLakeSink({ ...contextOn(cluster, { until: LAST }), clock }, { lake, flushMs: 0, edge }),
    ).rejects.toThrow(LakeUnwritable);
    expect(now).toBeGreaterThan(5 * 60_000);
  });

  it("ends at once when it is told to", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    const edge = failing("EROFS", { from: 1, count: Number.POSITIVE_INFINITY });
    const stop = new AbortController();
    const { log, lines } = keptLog();
    const context = { ...contextOn(cluster, { signal: stop.signal }), log };
    const running = runLakeSink(context, { lake: join(root, "lake"), flushMs: 0, edge });
    await expect.poll(() => lines.length).toBe(1);
    stop.abort();
    await running;
  });
});

const small = { root: "" };
const MOUNTS = canMount();

describe.skipIf(!MOUNTS)(
  "the lake sink on a real disk of 400 KB (runs where file systems may be mounted)",
  () => {
    beforeEach(() => {
      small.root = join(root, "small");
      mkdirSync(small.root);
      mount(["-t", "tmpfs", "-o", "size=400k", "tmpfs", small.root]);
    });
    afterEach(() => execFileSync("umount", ["-l", small.root]));

    async function whileBroken(trouble: () => void, mend: () => void): Promise<void> {
      const cluster = new MemoryCluster();
      publish(cluster, STORY);
      const lake = join(small.root, "lake");
      await runLakeSink(contextOn(cluster, { until: 102 }), { lake, flushMs: 0 });
      const { log, lines } = keptLog();
      trouble();
      const running = runLakeSink({ ...contextOn(cluster, { until: LAST }), log }, { lake, flushMs: 0 });
      while (!lines.some(({ msg }) => msg === "lake can't be written")) await sleep(20);
      mend();
      await running;
      expect(await allRows(lake)).toEqual(await undisturbed());
      expect(
        readdirSync(small.root)
          .filter((name) => name.startsWith("lake"))
          .sort(),
      ).toEqual(["lake", "lake.staging"]);
    }

    it("waits while it is full", async () => {
      const ballast = join(small.root, "ballast");
      await whileBroken(
        () => fill(ballast),
        () => rmSync(ballast),
      );
    });

    it("waits while it is read-only", async () => {
      await whileBroken(
        () => mount(["-o", "remount,ro", small.root]),
        () => mount(["-o", "remount,rw", small.root]),
      );
    });
  },
);

function fill(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(1 << 20));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  }
}
