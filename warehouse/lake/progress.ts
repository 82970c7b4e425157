import type { Standing } from "../../stream/kafka/rewind-record.ts";
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
  const better = (a: DayMeta, b: DayMeta) => (open.length > 0 ? isBehind(a, b) : isBehind(b, a));
  return rest.reduce((best, meta) => (better(meta, best) ? meta : best), first);
}

/** Of two at one offset, only one of which was cut for a rewind so far, the other is behind. */
function isBehind(one: DayMeta, other: DayMeta): boolean {
  if (one.nextOffset !== other.nextOffset) return one.nextOffset < other.nextOffset;
  return one.rewinds < other.rewinds;
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
  /** In the order of their heights. */
  #marks: readonly Mark[] = [];
  #rewinds: readonly Standing[] = [];

  /** A mark of a block that a later rewind took back says nothing. */
  add(block: Standing, watermark: number): void {
    if (this.#rewinds.some((rewind) => isTakenBack(block, rewind))) return;
    const day = Math.floor(watermark / 86_400);
    const last = this.#marks.at(-1);
    if (last === undefined || day > last.day) this.#marks = [...this.#marks, { block, day, watermark }];
  }

  /** For a table that has taken all blocks up to `taken`; null: nothing is known yet. */
  at(taken: Standing): number | null {
    return this.#marks[this.#newestAt(taken)]?.watermark ?? null;
  }

  /** Marks of blocks that a rewind to `rewind` took back hold no more, whichever topic brings word of it first. */
  takeBack(rewind: Standing): void {
    if (this.#rewinds.some(({ rewinds }) => rewinds === rewind.rewinds)) return;
    this.#rewinds = [...this.#rewinds, rewind];
    this.#marks = this.#marks.filter(({ block }) => !isTakenBack(block, rewind));
  }

  /** Forgets what none of the tables asks for any more. */
  forget(tables: readonly Standing[]): void {
    const needed = Math.min(...tables.map((taken) => this.#newestAt(taken)));
    if (needed > 0) this.#marks = this.#marks.slice(needed);
  }

  /** A table that a rewind has still to reach builds on another branch than the marks after it: -1 where it knows none. */
  #newestAt(taken: Standing): number {
    return this.#marks.findLastIndex(
      ({ block }) => block.rewinds <= taken.rewinds && block.height <= taken.height,
    );
  }
}

interface Mark {
  readonly block: Standing;
  readonly day: number;
  readonly watermark: number;
}

function isTakenBack(block: Standing, to: Standing): boolean {
  return block.rewinds < to.rewinds && block.height > to.height;
}

/** Whether no later block can fall into `day`. */
export function isOver(day: Day, watermark: number | null): boolean {
  return watermark !== null && dayEnd(day) <= watermark;
}
