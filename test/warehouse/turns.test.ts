import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DISK } from "../../warehouse/disk.ts";
import { takeTurn } from "../../warehouse/turns.ts";
import { fastClock, frozenClock } from "../support/fast-clock.ts";

let place = "";
beforeEach(() => {
  place = join(mkdtempSync(join(tmpdir(), "sluice-turns-")), "feed.staging");
});
afterEach(() => rmSync(join(place, ".."), { recursive: true, force: true }));

const signal = AbortSignal.timeout(20_000);

describe("a writer's turn", () => {
  it("comes at once where nobody is at work, and leaves nothing", async () => {
    const clock = fastClock();
    const turn = await takeTurn(place, { disk: DISK, clock }, signal);
    expect(clock.now()).toBe(0);
    expect(await turn.isOver()).toBe(false);
    await turn.end();
    expect(readdirSync(place)).toEqual([]);
  });

  it("waits for one who lives, however long he works", async () => {
    const clock = fastClock();
    const first = await takeTurn(place, { disk: DISK, clock }, signal);
    let began = false;
    const waiting = takeTurn(place, { disk: DISK, clock }, signal).then((turn) => {
      began = true;
      return turn;
    });
    while (clock.now() < 60_000) await clock.sleep(0);
    expect([began, await first.isOver()]).toEqual([false, false]);
    await first.end();
    const second = await waiting;
    expect(await second.isOver()).toBe(false);
    await second.end();
  });

  it("is taken from one who is frozen after six seconds, and is over when he wakes up", async () => {
    const asleep = await takeTurn(place, { disk: DISK, clock: frozenClock() }, signal);
    const clock = fastClock();
    const awake = await takeTurn(place, { disk: DISK, clock }, signal);
    expect(clock.now()).toBeGreaterThanOrEqual(6_000);
    expect(clock.now()).toBeLessThan(6_500);
    expect([await asleep.isOver(), await awake.isOver()]).toEqual([true, false]);
    await expect(DISK.write(join(asleep.folder, "day.csv"), "old")).rejects.toThrow("ENOENT");
    await asleep.end();
    expect(await awake.isOver()).toBe(false);
    await awake.end();
  });

  it("is not waited for any longer than one is told to", async () => {
    const first = await takeTurn(place, { disk: DISK, clock: fastClock() }, signal);
    const stop = new AbortController();
    const waiting = takeTurn(place, { disk: DISK, clock: frozenClock() }, stop.signal);
    setTimeout(() => stop.abort(), 20);
    await expect(waiting).rejects.toThrow(/abort/i);
    await first.end();
  });
});
