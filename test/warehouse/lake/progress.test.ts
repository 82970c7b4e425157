import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Day, dayEnd, dayOf, dayStart, parseDay } from "../../../warehouse/day.ts";
import type { DayMeta } from "../../../warehouse/lake/day-file.ts";
import { isOver, startOf, Watermarks, writeOrder } from "../../../warehouse/lake/progress.ts";

const meta = (nextOffset: number, closed: boolean): DayMeta => ({
  nextOffset,
  closed,
  height: nextOffset,
  rewinds: 0,
  watermark: null,
});
const DAYS = ["2023-07-11", "2023-07-12", "2023-07-13", "2023-07-14"] as string[] as Day[];

describe("startOf", () => {
  it("is the least offset of open days, else the greatest of all, else nothing", () => {
    expect(startOf([meta(9, true), meta(5, false), meta(7, false)])?.nextOffset).toBe(5);
    expect(startOf([meta(3, true), meta(9, true), meta(5, true)])?.nextOffset).toBe(9);
    expect(startOf([])).toBeUndefined();
  });
});

/** The files of a table and the rows that came, without a disk. */
class Model {
  readonly #files = new Map<Day, DayMeta>();
  readonly #rows: { readonly day: Day; readonly offset: number }[] = [];

  /** Rows come, then all is flushed, but the process crashes after `crashAt` writes. */
  flush(arrivals: readonly Day[], closes: readonly Day[], crashAt: number): void {
    const from = this.#start();
    for (const day of arrivals.filter((one) => this.#files.get(one)?.closed !== true)) {
      this.#rows.push({ day, offset: this.#rows.length });
    }
    const standing = new Map(
      [...this.#files].filter(([, file]) => !file.closed).map(([day, file]) => [day, file.nextOffset]),
    );
    const changed = [
      ...new Set([...this.#unheld().map((row) => row.day), ...closes.filter((day) => standing.has(day))]),
    ];
    const { placeholder, days } = writeOrder(changed, standing, from);
    const end = this.#rows.length;
    const writes = days.map((day) => ({ day, file: meta(end, closes.includes(day)) }));
    if (placeholder !== undefined) writes.unshift({ day: placeholder, file: meta(from, false) });
    for (const { day, file } of writes.slice(0, crashAt)) {
      this.#files.set(day, file);
      expect(this.#unheld().filter((row) => row.offset < this.#start())).toEqual([]);
    }
  }

  #start(): number {
    return startOf(this.#files.values())?.nextOffset ?? 0;
  }

  #unheld() {
    return this.#rows.filter(({ day, offset }) => offset >= (this.#files.get(day)?.nextOffset ?? 0));
  }
}

describe("writeOrder", () => {
  it("keeps every row within reach of a start, after a crash between any two writes", () => {
    const flush = fc.tuple(
      fc.array(fc.constantFrom(...DAYS), { maxLength: 5 }),
      fc.subarray([...DAYS]),
      fc.nat(6),
    );
    fc.assert(
      fc.property(fc.array(flush, { maxLength: 6 }), (flushes) => {
        const model = new Model();
        for (const [arrivals, closes, crashAt] of flushes) model.flush(arrivals, closes, crashAt);
      }),
      { numRuns: 20_000 },
    );
  });
});

/** A block, or a rewind to it, by how many rewinds its chain had. */
const standing = (rewinds: number, height: number) => ({ rewinds, height });
const atDay = (day: number) => dayStart(DAYS[day] as Day);

describe("Watermarks", () => {
  it("hold for a table once it has taken the mark's block", () => {
    const watermarks = new Watermarks();
    watermarks.add(standing(0, 10), atDay(1));
    watermarks.add(standing(0, 11), atDay(1) + 5);
    watermarks.add(standing(0, 20), atDay(2) + 7);
    expect([9, 10, 19, 20, 99].map((height) => watermarks.at(standing(0, height)))).toEqual([
      null,
      atDay(1),
      atDay(1),
      atDay(2) + 7,
      atDay(2) + 7,
    ]);
    watermarks.forget([standing(0, 30), standing(0, 25)]);
    expect(watermarks.at(standing(0, 25))).toBe(atDay(2) + 7);
    expect(watermarks.at(standing(0, 19))).toBeNull();
  });

  it("are forgotten once a rewind has taken their block back, also where it comes to light before they do", () => {
    const watermarks = new Watermarks();
    watermarks.add(standing(0, 10), atDay(1));
    watermarks.add(standing(0, 11), atDay(2));
    watermarks.takeBack(standing(1, 10));
    watermarks.add(standing(0, 12), atDay(3));
    expect([0, 1].map((rewinds) => watermarks.at(standing(rewinds, 99)))).toEqual([atDay(1), atDay(1)]);
  });

  it("stay where a table comes to a rewind that their block has behind it", () => {
    const watermarks = new Watermarks();
    watermarks.add(standing(1, 11), atDay(1));
    watermarks.takeBack(standing(1, 10));
    expect(watermarks.at(standing(1, 11))).toBe(atDay(1));
  });

  it("tell a table that a rewind has still to reach nothing of the branch behind it", () => {
    const watermarks = new Watermarks();
    watermarks.add(standing(0, 10), atDay(0));
    watermarks.takeBack(standing(1, 10));
    watermarks.add(standing(1, 11), atDay(1));
    expect([0, 1].map((rewinds) => watermarks.at(standing(rewinds, 15)))).toEqual([atDay(0), atDay(1)]);
    watermarks.forget([standing(1, 15), standing(0, 15)]);
    expect(watermarks.at(standing(0, 15))).toBe(atDay(0));
  });
});

describe("days", () => {
  it("end where the next one begins, in UTC", () => {
    const day = "2023-07-13" as Day;
    expect(dayOf(Date.parse("2023-07-13T23:59:59Z") / 1000)).toBe(day);
    expect(dayOf(Date.parse("2023-07-14T00:00:00Z") / 1000)).toBe("2023-07-14");
    expect([dayStart(day), dayEnd(day)]).toEqual([1689206400, 1689292800]);
    expect([isOver(day, 1689292799), isOver(day, 1689292800), isOver(day, null)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it.each(["2023-02-29", "2023-7-1", "20230701", "", "2023-13-01"])("%j is none", (text) => {
    expect(parseDay(text)).toBeUndefined();
  });
});
