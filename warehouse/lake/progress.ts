import { type Day, dayEnd } from "../day.ts";
import type { DayMeta, Position } from "./day-file.ts";

/**
 * Where a start reads from: the least next offset of the days that are open; where none is, the greatest of all.
 * Undefined: no file, from the topic's beginning.
 */
export function startOf(metas: Iterable<DayMeta>): Position | undefined {
  const all = [...metas];
  const open = all.filter((meta) => !meta.closed);
  const [first, ...rest] = open.length > 0 ? open : all;
  if (first === undefined) return undefined;
  const better = (a: DayMeta, b: DayMeta) =>
    open.length > 0 ? a.nextOffset <= b.nextOffset : a.nextOffset >= b.nextOffset;
  return rest.reduce((best, meta) => (better(best, meta) ? best : meta), first);
}

/** In which order days are written so that a crash in between loses nothing. */
export interface WriteOrder {
  /** The day for which an empty file with the old offset is put down first. */
  readonly placeholder: Day | undefined;
  readonly days: readonly Day[];
}

/**
 * All `changed` days get the same new offset, one file after the other. Until the last one stands, an open file with an offset not
 * beyond `from` (where the unwritten rows begin) must stay, or else the next start would begin behind rows that no file holds.
 * `open`: the next offset of each day whose file is open; after a crash between two writes some lie beyond `from`.
 */
export function writeOrder(
  changed: readonly Day[],
  open: ReadonlyMap<Day, number>,
  from: number,
): WriteOrder {
  const newestFirst = [...changed].sort().reverse();
  const keepers = [...open].filter(([, nextOffset]) => nextOffset <= from).map(([day]) => day);
  const isKept = keepers.some((day) => !changed.includes(day));
  const last = keepers[0] ?? newestFirst.at(-1);
  if (changed.length < 2 || isKept || last === undefined)
    return { placeholder: undefined, days: newestFirst };
  const days = [...newestFirst.filter((day) => day !== last), last];
  return { placeholder: keepers.length === 0 ? last : undefined, days };
}

/**
 * Up to which time (Unix seconds) a table's rows are all there, by the blocks that it has taken: the watermark of a mark
 * holds for a table once it has taken that mark's block. Only marks at which another day ends are kept.
 */
export class Watermarks {
  #marks: { readonly height: number; readonly day: number; readonly watermark: number }[] = [];
  #rewinds: { readonly rewind: number; readonly height: number }[] = [];

  /** `rewinds`: how many rewinds the mark counts. A mark of a block that a later one took back says nothing. */
  add(height: number, watermark: number, rewinds = 0): void {
    if (this.#rewinds.some((one) => one.rewind > rewinds && one.height < height)) return;
    const day = Math.floor(watermark / 86_400);
    const last = this.#marks.at(-1);
    if (last === undefined || day > last.day) this.#marks.push({ height, day, watermark });
  }

  /** For a table that has taken all blocks up to `height`; null: nothing is known yet. */
  at(height: number): number | null {
    return this.#marks.findLast((mark) => mark.height <= height)?.watermark ?? null;
  }

  /** Marks of blocks above `height` hold no more, whichever topic brings word of it first. */
  takeBack(rewind: number, height: number): void {
    if (this.#rewinds.some((one) => one.rewind === rewind)) return;
    this.#rewinds.push({ rewind, height });
    this.#marks = this.#marks.filter((mark) => mark.height <= height);
  }

  /** Forgets what no table that has taken `height` asks for any more. */
  forget(height: number): void {
    const needed = this.#marks.findLastIndex((mark) => mark.height <= height);
    if (needed > 0) this.#marks = this.#marks.slice(needed);
  }
}

/** Whether no later block can fall into `day`. */
export function isOver(day: Day, watermark: number | null): boolean {
  return watermark !== null && dayEnd(day) <= watermark;
}
