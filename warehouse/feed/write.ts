import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { ChainName } from "../../stream/block.ts";
import type { AssetRow } from "../../stream/flow/labels.ts";
import { Fenced } from "../../stream/kafka/errors.ts";
import { unreachable } from "../../stream/unreachable.ts";
import {
  compareDay,
  type DayComparison,
  describeDifference,
  mendDifference,
  type Snapshot,
  type Stores,
} from "../compare-day.ts";
import { type Day, parseDay } from "../day.ts";
import type { Disk } from "../disk.ts";
import { settleFolders } from "../durable.ts";
import { daysInLake, stagingOf } from "../lake/day-file.ts";
import { LAKE_TABLES } from "../lake/tables.ts";
import { takeTurn } from "../turns.ts";
import { readChainDay, readContent } from "./content.ts";
import { readReaches } from "./corrections.ts";
import { decimalsOf, FeedInvalid } from "./csv.ts";
import { type DayState, isClosedInLake, readWindows, stateOf, type Window } from "./days.ts";
import { FEED_EDGE, type FeedEdge } from "./edge.ts";
import { checkCsv, type FeedDay, type FeedPlace, listFeeds, loadManifest, publishFeed } from "./files.ts";
import { type Feed, feedName, type Manifest, render } from "./manifest.ts";

/** What `writeFeeds` is given. */
export interface FeedOptions {
  readonly databaseUrl: string;
  readonly lake: string;
  readonly feed: string;
  readonly chains: readonly ChainName[];
  readonly assets: readonly AssetRow[];
  /** `YYYY-MM-DD`: this day alone, also when it is written already: a different result becomes a new revision. */
  readonly date?: string;
  /** Keeps, between passes, of which days the feed is known to be right, on which chains and after which rewinds. */
  readonly settled?: Set<string>;
  readonly log: Logger;
  readonly signal?: AbortSignal;
  /** Default: the process's own disk, DuckDB, Postgres and clock. */
  readonly edge?: FeedEdge;
}

/** What became of a day; "restored": its CSV was not as its manifest says, and is again. */
export interface FeedOutcome {
  readonly kind: "written" | "restored" | "already written";
  readonly day: Day;
  readonly revision: number;
  /** The CSV's path. */
  readonly csv: string;
}

/** Postgres and the lake hold different rows; nothing was written. */
export class StoresDiffer extends Error {
  override readonly name = "StoresDiffer";
  readonly found: DayComparison;
  constructor(found: DayComparison, lake: string) {
    super(
      `${describeDifference(found)}; nothing was written, \`sluice verify\` compares all days; ${mendDifference(lake, found)}`,
    );
    this.found = found;
  }
}

/** A day that was asked for can't have a feed (yet). */
export class DayNotComplete extends Error {
  override readonly name = "DayNotComplete";
  readonly date: string;
  constructor(date: string, reason: string) {
    super(`there is no feed of ${date}: ${reason}`);
    this.date = date;
  }
}

/** The stores, and where the writer whose turn it is puts feeds. */
interface Desk {
  readonly stores: Stores;
  readonly place: FeedPlace;
}

/**
 * Writes the feed of each day that is complete on every chain in it and not written yet, oldest first; with `date`, of that day.
 * A day that a rewind reaches is written again, as its next revision, where it comes to other figures; and one that a chain has
 * completed since, which began later.
 * Waits while another writer is at work; throws `Fenced` where one took over meanwhile, after which nothing more is written.
 * Throws `StoresDiffer`, `DayUnreadable`, `DayNotComplete`, `AssetUnknown`, `FeedInvalid`, `DatabaseUnreachable`.
 */
export async function writeFeeds(options: FeedOptions): Promise<readonly FeedOutcome[]> {
  const { lake, feed, edge = FEED_EDGE } = options;
  const signal = options.signal ?? new AbortController().signal;
  const tenure = await takeTurn(stagingOf(feed), edge, signal);
  try {
    await settleFolders([dirname(feed), feed], edge.disk);
    const database = await edge.openDatabase(options.databaseUrl, { signal });
    try {
      const format = await edge.openFormat(join(tenure.folder, "spill"));
      try {
        const place = { feed, staging: tenure.folder, disk: edge.disk };
        return await writeDays({ stores: { database, format, lake }, place }, options, signal);
      } finally {
        format.close();
      }
    } finally {
      await database.close();
    }
  } catch (error) {
    throw (await tenure.isOver()) ? new Fenced("feed", { cause: error }) : error;
  } finally {
    await tenure.end();
  }
}

async function writeDays(
  desk: Desk,
  options: FeedOptions,
  signal: AbortSignal,
): Promise<readonly FeedOutcome[]> {
  if (options.date !== undefined) return [await writeAsked(desk, options, options.date)];
  const { database, lake } = desk.stores;
  const { disk, feed } = desk.place;
  const windows = await readWindows(database, options.chains);
  const written = new Map((await listFeeds(feed, disk)).map((one) => [one.day, one]));
  const rewindsOf = await readReaches(database, options.chains);
  const settled = options.settled ?? new Set();
  const outcomes: FeedOutcome[] = [];
  for (const day of await candidates({ lake, disk }, windows)) {
    if (signal.aborted) break;
    const state = stateOf(day, windows);
    if (state.kind === "uncovered") continue;
    const known = { state, last: written.get(day), rewinds: rewindsOf(day) };
    if (await isRight(desk.place, settled, known)) continue;
    const reading = await readDay(desk.stores, options, day);
    if (reading.kind === "uncovered") continue;
    if (reading.kind === "waits") {
      // No later day before this one: readers find days without a gap.
      options.log.debug({ day, chains: reading.chains, for: reading.for }, "feed waits");
      break;
    }
    outcomes.push(await writeDay(desk.place, options, { content: reading.feed, last: known.last }));
    settled.add(nameOf(day, known));
  }
  return outcomes;
}

/** What is known of a day before its rows are read. */
interface Known {
  readonly state: Exclude<DayState, { readonly kind: "uncovered" }>;
  /** Its newest revision. */
  readonly last: FeedDay | undefined;
  readonly rewinds: string | undefined;
}

/** Whether nothing has happened to a day since it was published: no rewind, and no chain that has completed it beside those in it. */
async function isRight({ feed, disk }: FeedPlace, settled: Set<string>, known: Known): Promise<boolean> {
  const { state, last, rewinds } = known;
  if (last === undefined) return false;
  if (settled.has(nameOf(last.day, known))) return true;
  if (rewinds !== undefined) return false;
  if (state.kind === "waits") return true;
  try {
    const { chains } = await loadManifest(feed, last, disk);
    if (state.chains.some((chain) => chains[chain] === undefined)) return false;
  } catch (error) {
    // Of a manifest that can't be read nothing is known: `verify` finds it.
    if (!(error instanceof FeedInvalid)) throw error;
  }
  settled.add(nameOf(last.day, known));
  return true;
}

function nameOf(day: Day, { state, rewinds }: Known): string {
  return `${day} ${state.kind} ${state.chains.join(" ")} ${rewinds ?? ""}`;
}

async function candidates(
  { lake, disk }: { readonly lake: string; readonly disk: Disk },
  windows: readonly Window[],
): Promise<readonly Day[]> {
  const days = await Promise.all(
    windows.map(({ chain }) => daysInLake({ lake, chain, spec: LAKE_TABLES.blocks }, disk)),
  );
  return [...new Set(days.flat())].sort();
}

async function writeAsked(desk: Desk, options: FeedOptions, date: string): Promise<FeedOutcome> {
  const day = parseDay(date);
  if (day === undefined) throw new DayNotComplete(date, "write a day of the calendar as YYYY-MM-DD");
  const reading = await readDay(desk.stores, options, day);
  switch (reading.kind) {
    case "uncovered":
      throw new DayNotComplete(day, "no chain is known from its beginning on");
    case "waits":
      throw new DayNotComplete(
        day,
        `it is not complete yet on ${reading.chains.join(", ")} in ${reading.for}`,
      );
    case "complete": {
      const written = await listFeeds(desk.place.feed, desk.place.disk);
      const last = written.findLast((one) => one.day === day);
      return writeDay(desk.place, options, { content: reading.feed, last });
    }
    default:
      return unreachable(reading);
  }
}

/** A day as one snapshot of Postgres has it, and the feed of one that is complete. */
type Reading =
  | Exclude<DayState, { readonly kind: "complete" }>
  | { readonly kind: "complete"; readonly feed: Feed };

/**
 * Whether a day is complete is decided on the rows that are read, in one database transaction: a rewind may take them back
 * at any moment. Throws `StoresDiffer`.
 */
async function readDay(stores: Stores, options: FeedOptions, day: Day): Promise<Reading> {
  return stores.database.transaction(async (dbTransaction) => {
    await dbTransaction.query("set transaction isolation level repeatable read");
    const snapshot = { ...stores, dbTransaction };
    const state = await settledState(snapshot, day, await readWindows(dbTransaction, options.chains));
    if (state.kind !== "complete") return state;
    const { chains } = state;
    for (const chain of chains) {
      const compared = await compareDay(snapshot, { chain, day });
      const found = compared.find((one) => one.comparison.difference !== undefined);
      if (found !== undefined) throw new StoresDiffer(found, stores.lake);
    }
    const feed = await readContent(dbTransaction, { day, chains }, decimalsOf(options.assets));
    return { kind: "complete", feed };
  });
}

/** A day's state by Postgres, where the lake has caught up with it. */
async function settledState(
  { dbTransaction, format, lake }: Snapshot,
  day: Day,
  windows: readonly Window[],
): Promise<DayState> {
  const state = stateOf(day, windows);
  if (state.kind !== "complete") return state;
  const waiting: ChainName[] = [];
  for (const chain of state.chains) {
    const { blocks } = await readChainDay(dbTransaction, { chain, day });
    if (!(await isClosedInLake(format, { lake, chain, day }, blocks > 0))) waiting.push(chain);
  }
  return waiting.length === 0 ? state : { kind: "waits", chains: waiting, for: "the lake" };
}

/** `last`: the day's newest revision, which nobody else adds to while it is our turn. */
async function writeDay(
  place: FeedPlace,
  options: FeedOptions,
  { content, last }: { readonly content: Feed; readonly last: FeedDay | undefined },
): Promise<FeedOutcome> {
  const { day } = content;
  const outcome = (kind: FeedOutcome["kind"], revision: number): FeedOutcome => {
    const csv = join(place.feed, `${feedName(day, revision)}.csv`);
    options.log.info({ day, revision, csv }, `feed ${kind}`);
    return { kind, day, revision, csv };
  };
  if (last !== undefined) {
    const before = await loadManifest(place.feed, last, place.disk);
    // The manifest too: blocks that a rewind took back may have left the figures as they were, and not what they rest on.
    const same = render(content, last.revision);
    if (isDeepStrictEqual(before, same.manifest)) {
      if (await isAsPublished(place, same.manifest)) return outcome("already written", last.revision);
      await publishFeed(place, same);
      return outcome("restored", last.revision);
    }
  }
  const revision = (last?.revision ?? 0) + 1;
  await publishFeed(place, render(content, revision));
  return outcome("written", revision);
}

/** Whether nobody edited or removed the CSV of a manifest. */
async function isAsPublished({ feed, disk }: FeedPlace, manifest: Manifest): Promise<boolean> {
  try {
    await checkCsv(feed, manifest, disk);
    return true;
  } catch (error) {
    if (error instanceof FeedInvalid) return false;
    throw error;
  }
}
