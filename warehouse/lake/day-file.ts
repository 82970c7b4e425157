import { dirname, join } from "node:path";
import type { ChainName } from "../../stream/block.ts";
import type { Standing } from "../../stream/kafka/rewind-record.ts";
import { type Day, parseDay } from "../day.ts";
import { DISK, type Disk } from "../disk.ts";
import { replaceFile, settleFolders } from "../durable.ts";
import { type DuckDb, literal } from "./duckdb.ts";
import type { TableSpec } from "./tables.ts";

/** Where a table stands in its topic: by the last block whose outcome lies below `nextOffset` (height -1: none), and by the rewinds that it went through. */
export interface Position extends Standing {
  /** The offset of the next record to be taken. */
  readonly nextOffset: number;
  /** The chain's watermark as known there (Unix seconds), or null. */
  readonly watermark: number | null;
}

/** What a day file says of itself, in parquet's key-value metadata: it takes only records from `nextOffset` on. */
export interface DayMeta extends Position {
  /** No later block can fall into this day: the file is never replaced again. */
  readonly closed: boolean;
}

/** Where one table of one chain lies, and where its files are made. */
export interface DayFiles {
  readonly lake: string;
  readonly staging: string;
  readonly chain: ChainName;
  readonly spec: TableSpec;
}

/** Where one table of one chain lies. */
export type TablePlace = Pick<DayFiles, "lake" | "chain" | "spec">;

/** A file of the lake is no parquet of ours any more: damaged, or of another hand. */
export class DayUnreadable extends Error {
  override readonly name = "DayUnreadable";
  constructor(path: string, cause: unknown) {
    super(
      `${path} can't be read (${(cause as Error).message}); restore it, or remove its chain's folder of that table while no sink runs: the topic has it all`,
      { cause },
    );
  }
}

/** Eight of DuckDB's vectors: a day of main-net legs (430,000 rows) is rewritten within 70 MB; the default of 122,880 takes 370. */
const ROW_GROUP_ROWS = 16_384;
/** DuckDB reads CSV by 32 MB unless told otherwise; our lines stay below 1 KB. */
const CSV_BUFFER_BYTES = 1_000_000;
const CSV_LINE_BYTES = 65_536;

/** Where staging lies: beside the lake (the same disk), so that no glob over `lake/**` finds a file that is not whole. */
export function stagingOf(lake: string): string {
  return `${lake}.staging`;
}

/** Where a table's days of one chain lie. */
function tableFolder({ lake, chain, spec }: TablePlace): string {
  return join(lake, spec.name, `chain=${chain}`);
}

/** The path of a day's file. */
export function dayPath(files: TablePlace, day: Day): string {
  return join(tableFolder(files), `date=${day}`, `${files.spec.name}.parquet`);
}

/** What mends a table whose files somebody edited or lost, to be done by an operator. A closed day alone would not be made anew. */
export function mendTable(files: TablePlace): string {
  return `stop the parquet sink, remove ${tableFolder(files)} and start it again: it makes the table anew from its topic`;
}

/** The days of which a table has a file, by its folders, oldest first. */
export async function daysInLake(files: TablePlace, disk = DISK): Promise<readonly Day[]> {
  const names = await disk.list(tableFolder(files)).catch(noFolder);
  return names.flatMap((name) => parseDay(name.replace(/^date=/, "")) ?? []).sort();
}

/** What every file of the table says of itself; of one day where `day` is given. Throws `DayUnreadable`. */
export async function readMetas(
  db: DuckDb,
  files: TablePlace,
  day?: Day,
): Promise<ReadonlyMap<Day, DayMeta>> {
  const pattern = dayPath(files, day ?? ("*" as Day));
  const any = await db.connection.runAndReadAll(`select 1 from glob(${literal(pattern)}) limit 1`);
  if (any.currentRowCount === 0) return new Map();
  const found = await db.connection
    .runAndReadAll(
      `select regexp_extract(file_name, 'date=([0-9-]+)', 1), map(list(decode(key)), list(decode(value)))::json::varchar
       from parquet_kv_metadata(${literal(pattern)}) group by file_name`,
    )
    .catch((cause: unknown) => {
      throw new DayUnreadable(pattern, cause);
    });
  return new Map(
    found.getRows().map(([date, values]) => [String(date) as Day, parseMeta(String(values), pattern)]),
  );
}

function parseMeta(json: string, path: string): DayMeta {
  const values = JSON.parse(json) as Readonly<Record<string, string | undefined>>;
  if (values["sluice.rewinds"] === undefined)
    throw new DayUnreadable(
      path,
      new Error("no sluice.rewinds in its metadata: an older Sluice or another tool wrote it"),
    );
  const watermark = values["sluice.watermark"] ?? "";
  return {
    nextOffset: Number(values["sluice.next_offset"]),
    height: Number(values["sluice.height"]),
    rewinds: Number(values["sluice.rewinds"]),
    watermark: watermark === "" ? null : Number(watermark),
    closed: values["sluice.closed"] === "true",
  };
}

function noFolder(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

/** New rows for a day: lines of CSV in a file, or none. */
export interface DayRows {
  readonly csv: string | undefined;
  readonly meta: DayMeta;
  /** Rows of the file that stands, of blocks above this height, are left out; undefined: none. */
  readonly upTo?: number;
}

/** Makes the day's next file in staging, out of the one that stands and of new rows; resolves with its path. */
export async function stageDay(db: DuckDb, files: DayFiles, day: Day, rows: DayRows): Promise<string> {
  const staged = join(files.staging, `${files.spec.name}-${day}.parquet`);
  const path = dayPath(files, day);
  const old = (await DISK.exists(path)) ? path : undefined;
  const query = mergeQuery(files.spec, old, rows);
  await db.connection.run(
    `copy (${query}) to ${literal(staged)} (format parquet, compression zstd, use_tmp_file false,
      row_group_size ${ROW_GROUP_ROWS}, kv_metadata ${metaLiteral(rows.meta)})`,
  );
  return staged;
}

/** Puts a staged file in place. */
export function publishDay(disk: Disk, files: DayFiles, day: Day, staged: string): Promise<void> {
  return replaceFile(staged, dayPath(files, day), disk);
}

/**
 * Makes durable what `metas` tell, whoever put the files in place or took them away: of closed days only the last one can want it,
 * and a folder without a file may be that of a day that was withdrawn.
 */
export async function settleDays(
  disk: Disk,
  files: TablePlace,
  metas: ReadonlyMap<Day, DayMeta>,
): Promise<void> {
  const newest = Math.max(...[...metas.values()].map(({ nextOffset }) => nextOffset));
  const days = (await daysInLake(files, disk)).filter((day) => {
    const meta = metas.get(day);
    return meta?.closed !== true || meta.nextOffset === newest;
  });
  const folders = days.map((day) => dirname(dayPath(files, day)));
  const chain = tableFolder(files);
  await settleFolders([dirname(files.lake), files.lake, dirname(chain), chain, ...folders], disk);
}

/** Takes a day out of the lake: into the writer's own folder, which a writer that was replaced has no more. */
export async function withdrawDay(disk: Disk, files: DayFiles, day: Day): Promise<void> {
  const path = dayPath(files, day);
  const withdrawn = join(files.staging, `${files.spec.name}-${day}.withdrawn`);
  await disk.rename(path, withdrawn);
  await disk.sync(dirname(path));
  await disk.remove(withdrawn);
  await disk.removeEmpty(dirname(path));
}

/** Whether a file holds no row. */
export async function isWithoutRows(db: DuckDb, path: string): Promise<boolean> {
  const found = await db.connection.runAndReadAll(`select 1 from read_parquet(${literal(path)}) limit 1`);
  return found.currentRowCount === 0;
}

/** Old rows, then new ones. Where rows only come, both are in the key's order already: one thread keeps it, sorting would cost memory. */
function mergeQuery(spec: TableSpec, old: string | undefined, { csv, upTo }: DayRows): string {
  const key = spec.key.join(", ");
  const fresh = csv === undefined ? noRows(spec) : `select * from ${readCsv(spec, csv)}`;
  const columns = [...spec.columns.keys()].join(", ");
  const before =
    old === undefined
      ? noRows(spec)
      : `select ${columns} from read_parquet(${literal(old)}, hive_partitioning = false)${rowsUpTo(spec, upTo)}`;
  if (!spec.upserts) return `${before} union all ${fresh}`;
  return `with fresh as (${fresh}), before as (${before})
    select * from before anti join fresh using (${key}) union all select * from fresh order by ${key}`;
}

function rowsUpTo({ height }: TableSpec, upTo: number | undefined): string {
  return upTo === undefined ? "" : ` where ${height} <= ${upTo}`;
}

/** A query without rows that has the table's columns. */
export function noRows(spec: TableSpec): string {
  const columns = [...spec.columns].map(([name, type]) => `null::${type} as ${name}`);
  return `select ${columns.join(", ")} where false`;
}

function readCsv(spec: TableSpec, csv: string): string {
  const columns = [...spec.columns].map(([name, type]) => `${name}: '${type}'`);
  return `read_csv(${literal(csv)}, columns = {${columns.join(", ")}}, header = false, auto_detect = false,
    delim = ',', quote = '"', escape = '"', nullstr = '', new_line = '\\n',
    buffer_size = ${CSV_BUFFER_BYTES}, max_line_size = ${CSV_LINE_BYTES})`;
}

/** What a file is to say of itself, as DuckDB's `kv_metadata` takes it. */
export function metaLiteral(meta: DayMeta): string {
  return `{'sluice.next_offset': '${meta.nextOffset}', 'sluice.height': '${meta.height}',
    'sluice.rewinds': '${meta.rewinds}', 'sluice.watermark': '${meta.watermark ?? ""}', 'sluice.closed': '${meta.closed}'}`;
}
