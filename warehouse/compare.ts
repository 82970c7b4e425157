import { isDeepStrictEqual } from "node:util";
import type { ChainName } from "../stream/block.ts";
import type { Stores } from "./compare-day.ts";
import { compareTables, type StoresFinding, type TablesReport } from "./compare-tables.ts";
import type { Day } from "./day.ts";
import { readContent } from "./feed/content.ts";
import { readReaches } from "./feed/corrections.ts";
import { FeedInvalid, lineOfRow } from "./feed/csv.ts";
import { readWindows, stateOf } from "./feed/days.ts";
import { DecimalInvalid } from "./feed/decimal.ts";
import { checkCsv, type FeedDay, listFeeds, loadManifest } from "./feed/files.ts";
import { decimalsOfManifest, feedName, render } from "./feed/manifest.ts";
import { stagingOf } from "./lake/day-file.ts";
import { LAKE_EDGE } from "./lake/edge.ts";
import { holdingOf } from "./lines.ts";
import { openDatabase } from "./postgres/client.ts";

/** What is compared. */
export interface CompareOptions {
  readonly databaseUrl: string;
  readonly lake: string;
  readonly feed: string;
  readonly chains: readonly ChainName[];
  /** How long a store that has nothing of a chain may take to begin; default 10 s. */
  readonly beginMs?: number;
}

/** Something that is not as it must be; `reason` says it in one line, `remedy` what an operator does. */
type Finding =
  | StoresFinding
  | {
      readonly kind: "feed differs";
      readonly reason: string;
      readonly remedy: string;
      readonly day: Day;
      readonly revision: number;
    };

/** What was compared, and what was found. */
export interface StoresReport {
  /** Days compared, each chain's by itself. */
  readonly days: number;
  readonly feeds: number;
  readonly findings: readonly Finding[];
}

/**
 * Compares Postgres with the lake on every closed day of each chain (on all days where both stand at one block), and every
 * feed file with its manifest and with Postgres.
 * Memory is bounded by the feed's rows of a day. Throws `DatabaseUnreachable`.
 */
export async function compareStores(options: CompareOptions): Promise<StoresReport> {
  const database = await openDatabase(options.databaseUrl);
  try {
    const format = await LAKE_EDGE.openFormat(stagingOf(options.lake));
    try {
      const stores = { database, format, lake: options.lake };
      const tables: TablesReport[] = [];
      for (const chain of options.chains) tables.push(await compareTables(stores, chain, options.beginMs));
      const { feeds, findings } = await compareFeeds(stores, options);
      return {
        days: tables.reduce((days, one) => days + one.days, 0),
        feeds,
        findings: [...tables.flatMap((one) => one.findings), ...findings],
      };
    } finally {
      format.close();
    }
  } finally {
    await database.close();
  }
}

async function compareFeeds(stores: Stores, { feed, chains }: CompareOptions) {
  const findings: Finding[] = [];
  const all = await listFeeds(feed);
  const rewindsOf = await readReaches(stores.database, chains);
  const windows = await readWindows(stores.database, chains);
  for (const [at, one] of all.entries()) {
    // A day that a rewind reaches gets its correction once it is complete again: until then Postgres holds less than was published.
    const awaited = rewindsOf(one.day) !== undefined && stateOf(one.day, windows).kind !== "complete";
    const newest = all[at + 1]?.day !== one.day && !awaited;
    const reason = await faultOf(stores, feed, one, newest);
    if (reason !== undefined)
      findings.push({ kind: "feed differs", reason, remedy: mendFeed(one, newest), ...one });
  }
  return { feeds: all.length, findings };
}

/** The newest revision can be made again: Postgres holds its figures. */
function mendFeed({ day, revision }: FeedDay, newest: boolean): string {
  if (!newest)
    return `restore ${feedName(day, revision)}.csv and .json from a copy, or remove both: Postgres does not hold their figures`;
  return (
    `sluice feed --date ${day} puts an edited CSV back, and writes the next revision where its manifest says other facts; ` +
    "a manifest that can't be read has to be restored, or removed before that"
  );
}

/** Why a feed is not what it must be: every revision holds what its manifest says, the newest one what Postgres holds. */
async function faultOf(
  stores: Stores,
  feed: string,
  one: FeedDay,
  newest: boolean,
): Promise<string | undefined> {
  try {
    const manifest = await loadManifest(feed, one);
    await checkCsv(feed, manifest);
    if (!newest) return undefined;
    const chains = Object.keys(manifest.chains) as ChainName[];
    const content = await stores.database.transaction((dbTransaction) =>
      readContent(dbTransaction, { day: one.day, chains }, decimalsOfManifest(manifest)),
    );
    const held = holdingOf(content.rows.map(lineOfRow));
    if (held.digest !== manifest.digest)
      return `${manifest.file} has ${manifest.rows} rows with digest ${manifest.digest}, Postgres ${held.rows} with ${held.digest}`;
    const expected = render(content, one.revision).manifest;
    if (isDeepStrictEqual(manifest, expected)) return undefined;
    return `the manifest of ${manifest.file} says other facts than Postgres holds`;
  } catch (error) {
    if (!(error instanceof FeedInvalid || error instanceof DecimalInvalid)) throw error;
    return `feed of ${one.day}, revision ${one.revision}: ${error.message}`;
  }
}
