import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exitCodeOf } from "../../runtime/exit.ts";
import { type PostgresService, startPostgres } from "../../runtime/services/postgres.ts";
import { serverFolder, serverUser } from "../../runtime/services/postgres-files.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { openDatabase } from "../../warehouse/postgres/client.ts";
import { runPostgresSink } from "../../warehouse/postgres/sink.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { fastClock } from "../support/fast-clock.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { canMount, mount } from "../support/mounts.ts";
import { keptLog } from "../support/stage-bed.ts";
import { contents } from "../warehouse/postgres/contents.ts";
import { block, contextOn, type LegSpec, recordsOf, START } from "../warehouse/postgres/story.ts";

/** A new server takes 40 MB, two databases with the story 20. */
const DISK = "160m";
/** A file of the write-ahead log (Postgres's default wal_segment_size). */
const WAL_FILE_BYTES = 16 * 1024 * 1024;
const FIRST = 100;
/** Stored while there is room. */
const EARLY = 119;
const LAST = 159;
const NO_ROOM = /could not extend file ".*": No space left on device/;

/** What the stages before the sink wrote: enough legs that no table can take the later ones without growing. */
const records = recordsOf(
  Array.from({ length: LAST - FIRST + 1 }, (_, index) =>
    block(FIRST + index, START + 600 * index, Array.from({ length: 100 }, legOf)),
  ),
);

function legOf(_: unknown, leg: number): LegSpec {
  return { flowType: "inflow", amount: BigInt(leg + 1), to: "binance" };
}

let home: string;
let disk: string;
let postgres: PostgresService;

describe.skipIf(!canMount())(
  `the embedded Postgres on a disk of ${DISK} (runs where file systems may be mounted)`,
  () => {
    beforeEach(async () => {
      home = temporaryHome("full-postgres");
      const user = serverUser();
      // The server's own folder, which lies elsewhere where its user can't come into the home.
      disk = serverFolder(home, user);
      const owner = user === undefined ? [] : [`uid=${user.uid}`, `gid=${user.gid}`];
      mount(["-t", "tmpfs", "-o", [`size=${DISK}`, "mode=0700", ...owner].join(), "tmpfs", disk]);
      postgres = await startPostgres({ home });
    });
    afterEach(async () => {
      await postgres.stop();
      execFileSync("umount", ["-l", disk]);
      removeHome(home);
    });

    test("whose tables can't grow is waited for, with the reason, for the sink's patience; with room it goes on, nothing lost or doubled", async () => {
      const cluster = clusterOf();
      await store(cluster, { until: EARLY });
      fillTo(0);
      const impatient = await store(cluster, { until: LAST, clock: fastClock() }).catch(
        (error: unknown) => error,
      );
      expect((impatient as Error).message).toMatch(NO_ROOM);
      expect((impatient as Error).message).toMatch(/^Postgres at \S+ can't do its work \(.*, 53100\)/);
      expect(exitCodeOf(impatient)).toBe(4);

      const { log, lines } = keptLog();
      const running = store(cluster, { until: LAST, log });
      await expect.poll(() => lines.some(({ reason }) => NO_ROOM.test(String(reason)))).toBe(true);
      makeRoom();
      await running;
      expect(await stored(postgres.url)).toEqual(await undisturbed());
    });

    test("whose log can't grow is given up with the reason, exit code 4; with room, a start has all that was committed, and the sink goes on", async () => {
      const cluster = clusterOf();
      await store(cluster, { until: EARLY });
      const early = await stored(postgres.url);
      fillTo(WAL_FILE_BYTES / 2);
      const down = new AbortController();
      const running = store(cluster, { until: LAST, signal: down.signal });
      await useUpLog();
      const failure = await postgres.failed;
      down.abort();
      await running;
      expect(failure.message).toMatch(
        /did not start \(its disk is full: \d+ KiB are free; make room there, then start again\)/,
      );
      expect(exitCodeOf(failure)).toBe(4);

      makeRoom();
      await postgres.stop();
      postgres = await startPostgres({ home });
      const kept = await stored(postgres.url);
      expect(kept["flow_legs"]?.slice(0, early["flow_legs"]?.length)).toEqual(early["flow_legs"]);
      await store(cluster, { until: LAST });
      expect(await stored(postgres.url)).toEqual(await undisturbed());
    });
  },
);

function clusterOf(): MemoryCluster {
  const cluster = new MemoryCluster();
  for (const kind of ["final", "flows", "exchangeFlows"] as const) cluster.append(...records[kind]);
  return cluster;
}

function store(cluster: MemoryCluster, context: Partial<StageContext>, url = postgres.url): Promise<void> {
  return runPostgresSink({ ...contextOn(cluster.connect()), ...context }, { url, kind: "ethereum" });
}

async function stored(url: string): Promise<Awaited<ReturnType<typeof contents>>> {
  const db = await openDatabase(url);
  try {
    return await contents(db);
  } finally {
    await db.close();
  }
}

/** The tables of a database of its own that nothing disturbed. */
async function undisturbed(): Promise<Awaited<ReturnType<typeof contents>>> {
  const db = await openDatabase(postgres.url);
  await db.query("create database undisturbed").finally(() => db.close());
  const url = new URL(postgres.url);
  url.pathname = "/undisturbed";
  await store(clusterOf(), { until: LAST }, url.href);
  return stored(url.href);
}

/** Leaves so many bytes of the disk. */
function fillTo(bytes: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, "ballast"), Buffer.alloc(bavail * bsize - bytes));
}

function makeRoom(): void {
  rmSync(join(disk, "ballast"));
}

/** Has the log go on in a new file, as it does after each 16 MiB. */
async function useUpLog(): Promise<void> {
  const db = await openDatabase(postgres.url);
  try {
    await db.query("select pg_switch_wal()");
  } catch {
    // The server was down before it answered: it dies of this, or of what the sink writes next.
  } finally {
    await db.close();
  }
}
