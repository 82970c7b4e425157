import type { ChainName } from "../../stream/block.ts";
import type { Day } from "../../warehouse/day.ts";
import {
  type DayFiles,
  type DayMeta,
  type DayRows,
  DayUnreadable,
  dayPath,
  type TablePlace,
} from "../../warehouse/lake/day-file.ts";
import type { DayFormat, LakeEdge } from "../../warehouse/lake/edge.ts";
import { LAKE_TABLES, type LakeTable, type TableSpec } from "../../warehouse/lake/tables.ts";
import { SimDisk } from "./disk.ts";
import { canonicalLines } from "./lines.ts";
import type { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";

/** Where the lake lies on every simulated disk, and where the feed does. */
export const LAKE = "/lake";
export const FEED = "/feed";

/** The last line of a whole file, as parquet's footer is its end: what was torn has none. */
const END = "end\n";

/** A day file: what it says of itself, and its lines of CSV. */
interface DayText {
  readonly meta: DayMeta;
  readonly lines: readonly string[];
}

/** The lake in memory: day files as text on a simulated disk. */
export class SimLake {
  readonly #disk: SimDisk;

  constructor(random: Random) {
    this.#disk = new SimDisk(random);
  }

  /** The lake's edge for a process. */
  open(process: SimProcess): LakeEdge {
    return { disk: this.#disk.open(process), openFormat: async () => format(this.#disk, process) };
  }

  /** The machine lost its power; its processes are dead. */
  powerCut(): void {
    this.#disk.powerCut();
  }

  /** The feed's files by name, as readers see them. */
  feed(): ReadonlyMap<string, string> {
    const names = namesIn(this.#disk, FEED);
    return new Map(names.map((name) => [name, this.#disk.read(`${FEED}/${name}`) ?? ""]));
  }

  /** A table's day files, by day. Throws `DayUnreadable`. */
  days(chain: ChainName, table: LakeTable): ReadonlyMap<Day, DayText> {
    return daysOf(this.#disk, { lake: LAKE, chain, spec: LAKE_TABLES[table] });
  }
}

function format(disk: SimDisk, process: SimProcess): DayFormat {
  return {
    readMetas: async (files, day) => {
      await process.effect(`lake: metas of ${files.spec.name} ${day ?? ""}`);
      return new Map([...daysOf(disk, files, day)].map(([one, { meta }]) => [one, meta]));
    },
    stage: async (files, day, rows) => {
      await process.effect(`lake: stage ${files.spec.name} ${day}`);
      return stage(disk, files, day, rows);
    },
    isWithoutRows: async (path) => {
      await process.effect(`lake: look into ${path}`);
      return readDay(disk, path)?.lines.length === 0;
    },
    lines: async function* (what, { lake, chain, day }) {
      await process.effect(`lake: lines of ${what} ${day}`);
      const spec = LAKE_TABLES[what === "exchange_flows_daily" ? "exchange_flows_hourly" : what];
      const found = readDay(disk, dayPath({ lake, chain, spec }, day));
      const field = fieldsOf(spec);
      const rows = (found?.lines ?? []).map((line) =>
        Object.fromEntries([...spec.columns.keys()].map((name) => [name, field(line, name)])),
      );
      yield* canonicalLines(what, rows);
    },
    close: () => undefined,
  };
}

function daysOf(disk: SimDisk, place: TablePlace, only?: Day): ReadonlyMap<Day, DayText> {
  const days = only === undefined ? daysOn(disk, place) : [only];
  return new Map(
    days.flatMap((day) => {
      const found = readDay(disk, dayPath(place, day));
      return found === undefined ? [] : [[day, found] as const];
    }),
  );
}

function daysOn(disk: SimDisk, { lake, chain, spec }: TablePlace): readonly Day[] {
  const names = namesIn(disk, `${lake}/${spec.name}/chain=${chain}`);
  return names.map((name) => name.replace("date=", "") as Day);
}

function namesIn(disk: SimDisk, folder: string): readonly string[] {
  try {
    return disk.list(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readDay(disk: SimDisk, path: string): DayText | undefined {
  const text = disk.read(path);
  if (text === undefined) return undefined;
  if (!text.endsWith(END)) throw new DayUnreadable(path, new Error("the file is torn"));
  const [meta = "", ...lines] = text.slice(0, -END.length).split("\n").slice(0, -1);
  return { meta: JSON.parse(meta) as DayMeta, lines };
}

function stage(disk: SimDisk, files: DayFiles, day: Day, { csv, meta, upTo }: DayRows): string {
  const staged = `${files.staging}/${files.spec.name}-${day}.parquet`;
  const fresh = csv === undefined ? [] : (disk.read(csv) ?? "").split("\n").slice(0, -1);
  const field = fieldsOf(files.spec);
  const old = readDay(disk, dayPath(files, day))?.lines ?? [];
  const before =
    upTo === undefined ? old : old.filter((line) => Number(field(line, files.spec.height)) <= upTo);
  const lines = merge(files.spec, before, fresh);
  disk.write(staged, `${[JSON.stringify(meta), ...lines].join("\n")}\n${END}`);
  return staged;
}

/** As the parquet is merged: rows that only come stand as they came, others by their key. */
function merge(spec: TableSpec, before: readonly string[], fresh: readonly string[]): readonly string[] {
  if (!spec.upserts) return [...before, ...fresh];
  const field = fieldsOf(spec);
  const keyOf = (line: string) => spec.key.map((name) => field(line, name)).join(",");
  const replaced = new Set(fresh.map(keyOf));
  return [...before.filter((line) => !replaced.has(keyOf(line))), ...fresh].sort((one, other) =>
    keyOf(one) < keyOf(other) ? -1 : 1,
  );
}

function fieldsOf(spec: TableSpec): (line: string, name: string) => string {
  const columns = [...spec.columns.keys()];
  return (line, name) => {
    if (line.includes('"')) throw new Error(`the simulated lake reads no quotes: ${line}`);
    return line.split(",")[columns.indexOf(name)] ?? "";
  };
}
