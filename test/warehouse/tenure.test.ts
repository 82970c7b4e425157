import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { beginTenure } from "../../warehouse/tenure.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-tenure-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("a writer's tenure", () => {
  it("ends when a successor begins, and nothing more can be renamed out of it", async () => {
    const place = join(home, "chain");
    const first = await beginTenure(place);
    const staged = join(first.folder, "day.parquet");
    writeFileSync(staged, "old");
    expect(await first.isOver()).toBe(false);
    const second = await beginTenure(place);
    expect([await first.isOver(), await second.isOver()]).toEqual([true, false]);
    await expect(rename(staged, join(home, "day.parquet"))).rejects.toThrow("ENOENT");
    expect(() => writeFileSync(staged, "again")).toThrow("ENOENT");
    expect(readdirSync(place)).toHaveLength(1);
    await second.end();
    expect(readdirSync(place)).toEqual([]);
  });

  it("is never given again: who wakes up after his successor has ended stays out", async () => {
    const place = join(home, "chain");
    const first = await beginTenure(place);
    await (await beginTenure(place)).end();
    const third = await beginTenure(place);
    expect(first.folder).not.toBe(third.folder);
    expect([await first.isOver(), await third.isOver()]).toEqual([true, false]);
    await first.end();
    expect(await third.isOver()).toBe(false);
  });

  it("goes to exactly one of many that begin at once, and clears what a crash has left", async () => {
    const place = join(home, "chain");
    await (await beginTenure(place)).end();
    writeFileSync(join(place, "day.parquet"), "left");
    const all = await Promise.all(Array.from({ length: 8 }, () => beginTenure(place)));
    expect((await Promise.all(all.map((one) => one.isOver()))).filter((over) => !over)).toHaveLength(1);
    expect(readdirSync(place)).toHaveLength(1);
    expect(existsSync(join(place, "day.parquet"))).toBe(false);
  });
});
