import type { Disk } from "../disk.ts";

/** How much text of one day waits in memory; beyond, it goes to a file in staging (no progress: a crash forgets it). */
const SPILL_CHARS = 1024 * 1024;

/** Rows of one day that no file of the lake holds yet. */
export class DayBuffer {
  readonly #disk: Disk;
  readonly #path: string;
  #lines: string[] = [];
  #chars = 0;
  #spilled = false;
  readonly #byKey = new Map<string, string>();

  /** `path`: where the rows are put down as CSV. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  get empty(): boolean {
    return this.#chars === 0 && !this.#spilled && this.#byKey.size === 0;
  }

  get full(): boolean {
    return this.#chars >= SPILL_CHARS;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#chars += line.length;
  }

  /** Takes the place of an earlier line of the same key. */
  put(key: string, line: string): void {
    this.#byKey.set(key, line);
  }

  /** Moves lines from memory to the file. */
  async spill(): Promise<void> {
    const text = this.#lines.join("");
    this.#lines = [];
    this.#chars = 0;
    await (this.#spilled ? this.#disk.append(this.#path, text) : this.#disk.write(this.#path, text));
    this.#spilled = true;
  }

  /** All rows as a file of CSV; undefined where there are none. */
  async toCsv(): Promise<string | undefined> {
    if (this.empty) return undefined;
    for (const line of this.#byKey.values()) this.add(line);
    this.#byKey.clear();
    await this.spill();
    return this.#path;
  }

  /** Forgets all rows: the lake holds them. */
  async clear(): Promise<void> {
    if (this.#spilled) await this.#disk.remove(this.#path);
    this.#spilled = false;
  }
}
