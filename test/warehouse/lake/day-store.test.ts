import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fenced } from "../../../stream/kafka/errors.ts";
import { type Day, dayEnd } from "../../../warehouse/day.ts";
import { type DayFiles, dayPath } from "../../../warehouse/lake/day-file.ts";
import { DayClosed, DayStore } from "../../../warehouse/lake/day-store.ts";
import { type DayFormat, LAKE_EDGE } from "../../../warehouse/lake/edge.ts";
import { LAKE_TABLES } from "../../../warehouse/lake/tables.ts";
import { rowsOf } from "./reading.ts";
import { CHAIN } from "./story.ts";

const DAY = "2023-07-13" as Day;

let format: DayFormat;
let files: DayFiles;
beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), "sluice-days-"));
  files = {
    lake: join(home, "lake"),
    staging: join(home, "staging"),
    chain: CHAIN,
    spec: LAKE_TABLES.blocks,
  };
  mkdirSync(files.staging);
  format = await LAKE_EDGE.openFormat();
});
afterEach(() => {
  format.close();
  rmSync(join(files.lake, ".."), { recursive: true, force: true });
});

const open = (disk = LAKE_EDGE.disk) => DayStore.open({ disk, format }, files, "parquet-ethereum");

function take(store: DayStore, height: number, day = DAY): void {
  store.add({ day, offset: height, line: `ethereum,${height},0xa,0xb,${day}T10:00:00Z,final\n` });
  store.advance({ nextOffset: height + 1, height, rewinds: 3, watermark: null });
}

describe("DayStore", () => {
  it("is fenced off by whoever replaced a file since it was read", async () => {
    const [frozen, successor] = [await open(), await open()];
    take(successor, 0);
    await successor.flush(null);
    take(frozen, 0);
    take(frozen, 1);
    await expect(frozen.flush(null)).rejects.toThrow(Fenced);
    expect(await rowsOf(files.lake, "blocks")).toHaveLength(1);
  });

  it("takes only records that the day's file does not hold yet", async () => {
    const first = await open();
    take(first, 0);
    take(first, 1);
    await first.flush(null);
    const second = await open();
    expect(second.taken).toMatchObject({ nextOffset: 2, height: 1, rewinds: 3, watermark: null });
    for (const height of [0, 1, 2]) take(second, height);
    await second.flush(null);
    expect(await rowsOf(files.lake, "blocks")).toHaveLength(3);
  });

  it("never replaces the file of a closed day", async () => {
    const store = await open();
    take(store, 0);
    await store.flush(dayEnd(DAY));
    const before = readFileSync(dayPath(files, DAY));
    take(store, 0);
    expect(() => take(store, 1)).toThrow(DayClosed);
    await store.flush(dayEnd(DAY), true);
    expect(readFileSync(dayPath(files, DAY)).equals(before)).toBe(true);
  });

  it("comes by a rewind again after a crash at any of its steps, also where every day was closed", async () => {
    const days = ["2023-07-13", "2023-07-14", "2023-07-15"] as Day[];
    const rewound = { nextOffset: 4, height: 0, rewinds: 4, watermark: null };
    for (let crashAt = 1; ; crashAt += 1) {
      rmSync(files.lake, { recursive: true, force: true });
      const store = await open();
      for (const [height, day] of days.entries()) take(store, height, day);
      await store.flush(dayEnd("2023-07-15" as Day));
      let renames = 0;
      const rename = async (from: string, to: string) => {
        renames += 1;
        if (renames === crashAt) throw new Error("the machine is gone");
        return LAKE_EDGE.disk.rename(from, to);
      };
      const doomed = await open({ ...LAKE_EDGE.disk, rename });
      const crash = await doomed.takeBack(rewound, DAY).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const again = await open();
      if (crash === undefined) return expect([crashAt > 3, again.taken.nextOffset]).toEqual([true, 4]);
      expect(crash).toBe("the machine is gone");
      expect([crashAt, again.taken.nextOffset]).toEqual([crashAt, 3]);
      await again.takeBack(rewound, DAY);
      expect(await rowsOf(files.lake, "blocks")).toHaveLength(1);
    }
  });

  it("makes the same bytes out of the same rows at the same offset, however they came", async () => {
    const once = await open();
    for (let height = 0; height < 50; height += 1) take(once, height);
    await once.flush(null);
    const atOnce = readFileSync(dayPath(files, DAY));
    rmSync(files.lake, { recursive: true });
    const often = await open();
    for (let height = 0; height < 50; height += 1) {
      take(often, height);
      if (height % 20 === 19) await often.spill();
      if (height % 20 === 9) await often.flush(null);
    }
    await often.flush(null);
    expect(readFileSync(dayPath(files, DAY)).equals(atOnce)).toBe(true);
  });
});
