import { join } from "node:path";
import { Fenced } from "../../stream/kafka/errors.ts";
import type { Day } from "../day.ts";
import { DayBuffer } from "./day-buffer.ts";
import {
  type DayFiles,
  type DayMeta,
  dayPath,
  mendTable,
  type Position,
  publishDay,
  settleDays,
  withdrawDay,
} from "./day-file.ts";
import type { LakeTools } from "./edge.ts";
import { isOver, startOf, writeOrder } from "./progress.ts";

/** A record of a day that is closed: no valid chain can bring one, so a stage before us is broken. */
export class DayClosed extends Error {
  override readonly name = "DayClosed";
  readonly day: Day;
  readonly offset: number;
  constructor(files: DayFiles, day: Day, offset: number) {
    super(
      `record ${offset} for ${files.spec.name} of ${files.chain} falls on ${day}, which is closed; the lake was left as it is; ` +
        `if somebody edited its files, ${mendTable(files)}; if not, keep the topics, and report it`,
    );
    this.day = day;
    this.offset = offset;
  }
}

/** A row as its topic brought it. */
export interface Arrival {
  readonly day: Day;
  readonly offset: number;
  readonly line: string;
  /** Of a table with upserts: what a later row of the same key takes the place of. */
  readonly key?: string;
}

interface OpenDay {
  readonly file: DayMeta | undefined;
  readonly buffer: DayBuffer;
}

const START: Position = { nextOffset: 0, height: -1, rewinds: 0, watermark: null };

/** The day files of one table of one chain, during its writer's tenure. */
export class DayStore {
  readonly files: DayFiles;
  readonly #owner: string;
  readonly #tools: LakeTools;
  readonly #open = new Map<Day, OpenDay>();
  readonly #closed = new Map<Day, DayMeta>();
  /** What is taken, and where the rows that no file holds yet begin. */
  #taken: Position;
  #flushed: Position;
  #dirty = false;

  private constructor(tools: LakeTools, files: DayFiles, owner: string, metas: ReadonlyMap<Day, DayMeta>) {
    this.files = files;
    this.#owner = owner;
    this.#tools = tools;
    for (const [day, meta] of metas) {
      if (meta.closed) this.#closed.set(day, meta);
      else this.#open.set(day, { file: meta, buffer: this.#bufferOf(day) });
    }
    this.#taken = startOf(metas.values()) ?? START;
    this.#flushed = this.#taken;
  }

  /** Reads what the files say of themselves, and makes them durable as they are. `owner` is named where another process turns out to own them. */
  static async open(tools: LakeTools, files: DayFiles, owner: string): Promise<DayStore> {
    const metas = await tools.format.readMetas(files);
    await settleDays(tools.disk, files, metas);
    return new DayStore(tools, files, owner, metas);
  }

  get taken(): Position {
    return this.#taken;
  }

  get days(): readonly Day[] {
    return [...this.#closed.keys(), ...this.#open.keys()];
  }

  /** Whether a flush would have rows to write, or a day to put down. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** Up to which block files hold all rows. */
  get stored(): number {
    return this.#dirty ? this.#flushed.height : this.#taken.height;
  }

  /** The chain has a block on `day`: the table gets a file for it, also without rows. */
  know(day: Day): void {
    if (this.#open.has(day) || this.#closed.has(day)) return;
    this.#open.set(day, { file: undefined, buffer: this.#bufferOf(day) });
    this.#dirty = true;
  }

  /** Takes a row, unless its day's file has it already. Throws `DayClosed`. */
  add(arrival: Arrival): void {
    const { day, offset, line, key } = arrival;
    const closed = this.#closed.get(day);
    if (closed !== undefined && offset >= closed.nextOffset) throw new DayClosed(this.files, day, offset);
    if (closed !== undefined) return;
    this.know(day);
    const open = this.#open.get(day);
    if (open === undefined || offset < (open.file?.nextOffset ?? 0)) return;
    if (key === undefined) open.buffer.add(line);
    else open.buffer.put(key, line);
    this.#dirty = true;
  }

  /** All rows up to `position` are taken. */
  advance(position: Position): void {
    this.#taken = position;
  }

  /** Keeps memory small between flushes. */
  async spill(): Promise<void> {
    for (const { buffer } of this.#open.values()) if (buffer.full) await buffer.spill();
  }

  /** Whether a day that is over by `watermark` still waits for its last file. */
  hasOver(watermark: number | null): boolean {
    for (const day of this.#open.keys()) if (isOver(day, watermark)) return true;
    return false;
  }

  /**
   * Writes all rows taken so far; the files of days that are over by `watermark` are their last ones.
   * `all`: every open day's file, so that the offsets in them are the newest ones. Throws `Fenced`.
   */
  async flush(watermark: number | null, all = false): Promise<void> {
    const position = this.#taken;
    this.#dirty = false;
    const changed = [...this.#open]
      .filter(([day, open]) => isChanged(day, open, watermark) || (all && isBehind(open, position)))
      .map(([day]) => day);
    const standing = new Map<Day, number>();
    for (const [day, { file }] of this.#open) if (file !== undefined) standing.set(day, file.nextOffset);
    const { placeholder, days } = writeOrder(changed, standing, this.#flushed.nextOffset);
    if (placeholder !== undefined)
      await this.#write(placeholder, undefined, { ...this.#flushed, closed: false });
    for (const day of days) {
      const csv = await this.#open.get(day)?.buffer.toCsv();
      await this.#write(day, csv, { ...position, closed: isOver(day, watermark) });
    }
    this.#flushed = position;
  }

  /**
   * Takes rows of blocks above `to.height` out of their days, and opens again what was closed by such blocks; `lastDay` is the
   * day of the block at that height: a later day without rows goes. Nothing is lost by a crash in between: until all is done a file
   * stays open from before, so that the next start comes by the same record.
   */
  async takeBack(to: Position, lastDay: Day): Promise<void> {
    await this.flush(null);
    const files = [
      ...this.#closed,
      ...[...this.#open].flatMap(([day, { file }]) => (file ? [[day, file] as const] : [])),
    ];
    const affected = files.filter(([, meta]) => meta.height > to.height).sort(([a], [b]) => (a < b ? -1 : 1));
    const newest = affected.at(-1);
    if (newest?.[1].closed === true) await this.#reopen(newest[0]);
    for (const [day, meta] of files)
      if (day > lastDay && meta.height <= to.height) await this.#withdrawEmpty(day);
    for (const [day] of affected) await this.#cut(day, to, lastDay);
    this.#taken = to;
    this.#flushed = to;
  }

  /** Opens a closed day as it is. */
  async #reopen(day: Day): Promise<void> {
    const meta = { ...this.#taken, closed: false };
    const { disk, format } = this.#tools;
    await publishDay(disk, this.files, day, await format.stage(this.files, day, { csv: undefined, meta }));
    this.#closed.delete(day);
    this.#open.set(day, { file: meta, buffer: this.#bufferOf(day) });
  }

  /** Leaves a day's rows up to `to`. */
  async #cut(day: Day, to: Position, lastDay: Day): Promise<void> {
    const meta = { ...to, closed: false };
    const { disk, format } = this.#tools;
    const staged = await format.stage(this.files, day, { csv: undefined, meta, upTo: to.height });
    if (day > lastDay && (await format.isWithoutRows(staged))) return this.#withdraw(day);
    this.#closed.delete(day);
    await publishDay(disk, this.files, day, staged);
    this.#open.set(day, { file: meta, buffer: this.#bufferOf(day) });
  }

  /** A table that had not come to the blocks taken back may have been told of their day by another one. */
  async #withdrawEmpty(day: Day): Promise<void> {
    if (await this.#tools.format.isWithoutRows(dayPath(this.files, day))) await this.#withdraw(day);
  }

  async #withdraw(day: Day): Promise<void> {
    await withdrawDay(this.#tools.disk, this.files, day);
    this.#closed.delete(day);
    this.#open.delete(day);
  }

  async #write(day: Day, csv: string | undefined, meta: DayMeta): Promise<void> {
    const { disk, format } = this.#tools;
    const open = this.#open.get(day);
    const staged = await format.stage(this.files, day, { csv, meta });
    const standing = (await format.readMetas(this.files, day)).get(day);
    if (standing?.nextOffset !== open?.file?.nextOffset) throw new Fenced(this.#owner);
    await publishDay(disk, this.files, day, staged);
    if (csv !== undefined) await open?.buffer.clear();
    if (meta.closed) {
      this.#open.delete(day);
      this.#closed.set(day, meta);
    } else this.#open.set(day, { file: meta, buffer: open?.buffer ?? this.#bufferOf(day) });
  }

  #bufferOf(day: Day): DayBuffer {
    return new DayBuffer(this.#tools.disk, join(this.files.staging, `${this.files.spec.name}-${day}.csv`));
  }
}

function isChanged(day: Day, open: OpenDay, watermark: number | null): boolean {
  return open.file === undefined || !open.buffer.empty || isOver(day, watermark);
}

function isBehind(open: OpenDay, position: Position): boolean {
  return (open.file?.nextOffset ?? 0) < position.nextOffset;
}
