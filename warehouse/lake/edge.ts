import { type Compared, type Place, parquetLines } from "../canonical.ts";
import type { Day } from "../day.ts";
import { DISK, type Disk } from "../disk.ts";
import {
  type DayFiles,
  type DayMeta,
  type DayRows,
  isWithoutRows,
  readMetas,
  stageDay,
  type TablePlace,
} from "./day-file.ts";
import { openDuckDb } from "./duckdb.ts";

/** How day files are read and made. */
export interface DayFormat {
  /** As `readMetas` of day-file.ts. */
  readMetas(files: TablePlace, day?: Day): Promise<ReadonlyMap<Day, DayMeta>>;
  /** As `stageDay` of day-file.ts. */
  stage(files: DayFiles, day: Day, rows: DayRows): Promise<string>;
  isWithoutRows(path: string): Promise<boolean>;
  /** As `parquetLines` of canonical.ts. */
  lines(what: Compared, place: Place & { readonly lake: string }): AsyncIterable<string>;
  close(): void;
}

/** What a writer of the lake works with. */
export interface LakeTools {
  readonly disk: Disk;
  readonly format: DayFormat;
}

/** Where the lake's writer meets the world: a simulation puts its own in the place of disk and DuckDB. */
export interface LakeEdge {
  readonly disk: Disk;
  /** `spill`: where rows may be put that memory can't hold. */
  openFormat(spill?: string): Promise<DayFormat>;
}

/** The process's own disk, and parquet by DuckDB. */
export const LAKE_EDGE: LakeEdge = { disk: DISK, openFormat: openParquet };

/** Parquet, read and written by a DuckDB of its own. */
async function openParquet(spill?: string): Promise<DayFormat> {
  const db = await openDuckDb(spill === undefined ? {} : { spill });
  return {
    readMetas: (files, day) => readMetas(db, files, day),
    stage: (files, day, rows) => stageDay(db, files, day, rows),
    isWithoutRows: (path) => isWithoutRows(db, path),
    lines: (what, place) => parquetLines(db, what, place),
    close: db.close,
  };
}
