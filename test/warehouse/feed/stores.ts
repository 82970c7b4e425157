import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AssetRow } from "../../../stream/flow/labels.ts";
import { compareStores, type StoresReport } from "../../../warehouse/compare.ts";
import { type FeedOutcome, writeFeeds } from "../../../warehouse/feed/write.ts";
import { type DayMeta, metaLiteral } from "../../../warehouse/lake/day-file.ts";
import { openDuckDb } from "../../../warehouse/lake/duckdb.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { type Database, openDatabase } from "../../../warehouse/postgres/client.ts";
import { runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { testPostgres } from "../../services.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { CHAIN, contextOn, publish, silentLog, tell } from "../lake/story.ts";

export const HUGE = 2n ** 130n;
export const ASSETS: readonly AssetRow[] = [
  { chain: CHAIN, asset: "ETH", contract: undefined, decimals: 18 },
  { chain: CHAIN, asset: "USDT", contract: undefined, decimals: 6 },
];
/** Known from its beginning: the first day is covered. */
const STORY = tell(
  [
    { at: "2023-07-13T22:30:00Z", legs: [["inflow", "binance", "ETH", 10n ** 18n]] },
    {
      at: "2023-07-13T23:59:59Z",
      legs: [
        ["inflow", "binance", "ETH", HUGE],
        ["outflow", "okx", "USDT", 1_500_000n],
      ],
    },
    { at: "2023-07-14T00:00:00Z", legs: [["outflow", "binance", "ETH", 3n]] },
    { at: "2023-07-15T12:00:00Z", legs: [["inflow", "kraken", "ETH", 1n]] },
  ],
  1,
);

/** Postgres and a lake filled with the story by their sinks. */
export interface FilledStores {
  readonly db: Database;
  readonly url: string;
  /** A copy of the lake, and a place for feeds beside it. */
  fresh(): StoresCase;
  stop(): Promise<void>;
}

/** One test's own lake and feed. */
export interface StoresCase {
  readonly lake: string;
  readonly feed: string;
  write(date?: string): Promise<readonly FeedOutcome[]>;
  compare(): Promise<StoresReport>;
  /** Starts a store's sink once more, until it has the whole story. */
  restart(store: "postgres" | "parquet"): Promise<void>;
}

export async function fillStores(): Promise<FilledStores> {
  const postgres = await testPostgres();
  const home = mkdtempSync(join(tmpdir(), "sluice-feed-"));
  const made = join(home, "made", "lake");
  const cluster = new MemoryCluster();
  publish(cluster, STORY);
  await runPostgresSink(contextOn(cluster, { until: 4 }), { url: postgres.url, kind: "ethereum" });
  await runLakeSink(contextOn(cluster, { until: 4 }), { lake: made });
  const db = await openDatabase(postgres.url);
  return {
    db,
    url: postgres.url,
    fresh: () => {
      const own = mkdtempSync(join(home, "case-"));
      cpSync(made, join(own, "lake"), { recursive: true });
      const places = { lake: join(own, "lake"), feed: join(own, "feed") };
      return {
        ...caseOf(postgres.url, places),
        restart: (store) =>
          store === "postgres"
            ? runPostgresSink(contextOn(cluster, { until: 4 }), { url: postgres.url, kind: "ethereum" })
            : runLakeSink(contextOn(cluster, { until: 4 }), { lake: places.lake }),
      };
    },
    stop: async () => {
      await db.close();
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function caseOf(
  databaseUrl: string,
  { lake, feed }: Pick<StoresCase, "lake" | "feed">,
): Omit<StoresCase, "restart"> {
  const places = { databaseUrl, lake, feed, chains: [CHAIN] };
  return {
    lake,
    feed,
    write: (date) =>
      writeFeeds({ ...places, assets: ASSETS, log: silentLog, ...(date === undefined ? {} : { date }) }),
    compare: () => compareStores({ ...places, beginMs: 0 }),
  };
}

/** A day's file. */
export function dayFile(lake: string, table: string, day: string): string {
  return join(lake, table, "chain=ethereum", `date=${day}`, `${table}.parquet`);
}

const CLOSED: DayMeta = { nextOffset: 9, height: 3, rewinds: 0, watermark: null, closed: true };

/** Writes a day's file anew by `select`; it says of itself what a closed day does, or `meta`, or nothing (null). */
export async function alterLake(
  lake: string,
  file: { readonly table: string; readonly day: string },
  select: string,
  meta: DayMeta | null = CLOSED,
): Promise<void> {
  const path = dayFile(lake, file.table, file.day);
  const metadata = meta === null ? "" : `, kv_metadata ${metaLiteral(meta)}`;
  const duckDb = await openDuckDb();
  await duckDb.connection.run(
    `copy (${select} from read_parquet('${path}', hive_partitioning = false)) to '${path}.new' (format parquet${metadata})`,
  );
  duckDb.close();
  cpSync(`${path}.new`, path);
  rmSync(`${path}.new`);
}
