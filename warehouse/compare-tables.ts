import { setTimeout as sleep } from "node:timers/promises";
import type { ChainName } from "../stream/block.ts";
import {
  compareDay,
  type DayComparison,
  describeDifference,
  MEND_POSTGRES,
  mendDifference,
  type Stores,
} from "./compare-day.ts";
import { type Day, dayEnd } from "./day.ts";
import { readWindows } from "./feed/days.ts";
import { type DayMeta, DayUnreadable, daysInLake, type TablePlace } from "./lake/day-file.ts";
import type { DayFormat } from "./lake/edge.ts";
import { startOf } from "./lake/progress.ts";
import { LAKE_TABLES } from "./lake/tables.ts";
import { readProgress } from "./postgres/batch.ts";

/** A lake that begins has its first files after five seconds: twice that long an empty store may be one that has just begun. */
const BEGIN_MS = 10_000;

/** A day on which the stores hold different rows, or whose file in the lake can't be read (then without `found`). */
export interface StoresFinding {
  readonly kind: "stores differ";
  readonly reason: string;
  /** What an operator does to mend it; undefined: the reason tells it. */
  readonly remedy: string | undefined;
  readonly found?: DayComparison;
}

/** How many days were compared, and what was found. */
export interface TablesReport {
  readonly days: number;
  readonly findings: readonly StoresFinding[];
}

/**
 * Compares a chain's closed days. While both stores stand at one and the same block (after `--until`, or where all is quiet)
 * the days that still grow are compared too; where one of them grew meanwhile, they are left out.
 */
export async function compareTables(
  stores: Stores,
  chain: ChainName,
  beginMs = BEGIN_MS,
): Promise<TablesReport> {
  let before = await standingOf(stores, chain);
  if (before.onlyIn !== undefined) {
    await sleep(beginMs);
    before = await standingOf(stores, chain);
  }
  if (before.onlyIn !== undefined) return oneStoreMissing(chain, before.onlyIn);
  const closed = await compareDays(stores, chain, before.closed);
  const open = await compareDays(stores, chain, before.open);
  const after = await standingOf(stores, chain);
  if (before.open.length === 0 || after.height !== before.height) {
    return { days: before.closed.length, findings: closed };
  }
  return { days: before.closed.length + before.open.length, findings: [...closed, ...open] };
}

function oneStoreMissing(chain: ChainName, { store, days }: OnlyIn): TablesReport {
  const other = store === "Postgres" ? "the lake" : "Postgres";
  const reason = `${other} has nothing of ${chain}, ${store} ${days.length} days from ${days[0]} to ${days.at(-1)}`;
  const remedy = `start ${other === "Postgres" ? "the Postgres sink" : "the parquet sink"}, which fills it from the topics; if it has nothing after that, ${MEND_POSTGRES}`;
  return { days: days.length, findings: [{ kind: "stores differ", reason, remedy }] };
}

async function compareDays(
  stores: Stores,
  chain: ChainName,
  days: readonly Day[],
): Promise<readonly StoresFinding[]> {
  const findings: StoresFinding[] = [];
  for (const day of days) {
    try {
      const compared = await stores.database.transaction((dbTransaction) =>
        compareDay({ ...stores, dbTransaction }, { chain, day }),
      );
      for (const found of compared) {
        if (found.comparison.difference === undefined) continue;
        const remedy = mendDifference(stores.lake, found);
        findings.push({ kind: "stores differ", reason: describeDifference(found), remedy, found });
      }
    } catch (error) {
      if (!(error instanceof DayUnreadable)) throw error;
      findings.push({ kind: "stores differ", reason: error.message, remedy: undefined });
    }
  }
  return findings;
}

type TableMetas = ReadonlyMap<Day, DayMeta>;

/** The one store that has anything of a chain, and the days that it has. */
interface OnlyIn {
  readonly store: "Postgres" | "the lake";
  readonly days: readonly Day[];
}

interface ChainStanding {
  /** Undefined where both stores have something of the chain, or none. */
  readonly onlyIn: OnlyIn | undefined;
  /** Where both stores stand; undefined: not at one height. */
  readonly height: number | undefined;
  readonly closed: readonly Day[];
  /** The other days, where both stores stand at one height. */
  readonly open: readonly Day[];
}

async function standingOf({ database, format, lake }: Stores, chain: ChainName): Promise<ChainStanding> {
  const specs = Object.values(LAKE_TABLES);
  const tables = await Promise.all(specs.map((spec) => readableMetas(format, { lake, chain, spec })));
  const progress = await readProgress(database, chain);
  const known = await database.query<{ day: Day }>(
    `select distinct ((block_time at time zone 'UTC')::date)::text as day from public.blocks where chain = $1 and status = 'final'`,
    [chain],
  );
  const inPostgres = known.map((row) => row.day).sort();
  const inLake = [...new Set(tables.flatMap((metas) => [...metas.keys()]))].sort();
  const days = [...new Set([...inPostgres, ...inLake])].sort();
  const [window] = await readWindows(database, [chain]);
  const closed = closedDays(days, tables, window?.watermark);
  const heights = [
    ...tables.flatMap((metas) => startOf(metas.values())?.height ?? []),
    ...[...progress.values()].flatMap(({ through }) => through ?? []),
  ];
  const level = tables.some((metas) => metas.size > 0) && new Set(heights).size === 1;
  const open = level ? days.filter((day) => !closed.includes(day)) : [];
  return { onlyIn: onlyIn(inPostgres, inLake), height: level ? heights[0] : undefined, closed, open };
}

function onlyIn(inPostgres: readonly Day[], inLake: readonly Day[]): OnlyIn | undefined {
  if (inPostgres.length > 0 && inLake.length === 0) return { store: "Postgres", days: inPostgres };
  if (inLake.length > 0 && inPostgres.length === 0) return { store: "the lake", days: inLake };
  return undefined;
}

/** Days over by Postgres's watermark that the lake has closed, or has left out although it closed a later one. */
function closedDays(
  days: readonly Day[],
  tables: readonly TableMetas[],
  watermark: number | undefined,
): readonly Day[] {
  if (watermark === undefined) return [];
  const newest = tables
    .flatMap((metas) => [...metas].filter(([, meta]) => meta.closed).map(([day]) => day))
    .sort()
    .at(-1);
  return days.filter((day) => {
    const over = dayEnd(day) <= watermark && newest !== undefined && day <= newest;
    return over && tables.every((metas) => metas.get(day)?.closed !== false);
  });
}

/** What the files of a table say, asked one by one where one can't be read: it is as good as lost. */
async function readableMetas(format: DayFormat, place: TablePlace): Promise<TableMetas> {
  const all = await format.readMetas(place).catch(unlessUnreadable);
  if (all !== undefined) return all;
  const metas = new Map<Day, DayMeta>();
  for (const day of await daysInLake(place)) {
    const meta = (await format.readMetas(place, day).catch(unlessUnreadable))?.get(day);
    if (meta !== undefined) metas.set(day, meta);
  }
  return metas;
}

function unlessUnreadable(error: unknown): undefined {
  if (!(error instanceof DayUnreadable)) throw error;
}
