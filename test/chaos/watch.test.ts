import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StageReport } from "../../runtime/child.ts";
import type { BlockHash, ChainName } from "../../stream/block.ts";
import type { Copy } from "./copy.ts";
import { Watch } from "./watch.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const block = { height: 1, hash: "0x1" as BlockHash };
const GROUP = "gate-ethereum";
const [one, other] = [1, 2].map((number) => ({ stage: "gate ethereum", number }) as Copy) as [Copy, Copy];
const elsewhere = { stage: "gate bitcoin", number: 2 } as Copy;

function reported(chain: string): StageReport {
  return { chain: chain as ChainName, event: { kind: "released", block, tip: 3 } };
}

const pass = (ms: number) => vi.advanceTimersByTime(ms);

/** `one` works, is frozen for ten seconds, and `other` takes over meanwhile. */
function replaced(): Watch {
  const watch = new Watch();
  watch.heardOfGroup(one, GROUP, "given");
  watch.frozen(one);
  pass(7000);
  watch.heardOfGroup(other, GROUP, "given");
  watch.heardReport(other, reported("ethereum"));
  pass(3000);
  watch.woken(one);
  return watch;
}

test("work of a copy that woke up when another one works is found", () => {
  const watch = replaced();
  pass(2001);
  watch.heardReport(one, reported("ethereum"));
  pass(1000);
  expect(watch.findings).toEqual([
    'gate ethereum 1 was frozen and replaced, and reported "released" 2001 ms after that',
  ]);
});

test("so is work after both woke up, where the successor began later", () => {
  const watch = new Watch();
  watch.heardOfGroup(one, GROUP, "given");
  watch.frozen(one);
  pass(5000);
  watch.woken(one);
  watch.heardOfGroup(other, GROUP, "given");
  pass(4000);
  watch.heardReport(one, reported("ethereum"));
  watch.heardReport(other, reported("ethereum"));
  pass(1500);
  watch.heardReport(one, reported("ethereum"));
  pass(1500);
  expect(watch.findings).toEqual([]);
  watch.heardReport(one, reported("ethereum"));
  pass(1000);
  expect(watch.findings).toHaveLength(1);
});

test("what was in flight is no finding, nor the work of its successor", () => {
  const watch = replaced();
  pass(2000);
  watch.heardReport(one, reported("ethereum"));
  watch.heardReport(other, reported("ethereum"));
  pass(60_000);
  watch.heardReport(other, reported("ethereum"));
  pass(60_000);
  expect(watch.findings).toEqual([]);
});

test("nor is work after the group was given back, though the report is read before the line that says so", () => {
  const watch = replaced();
  pass(30_000);
  watch.gone(other);
  watch.heardReport(one, reported("ethereum"));
  pass(500);
  watch.heardOfGroup(one, GROUP, "given");
  pass(5000);
  watch.heardReport(one, reported("ethereum"));
  pass(5000);
  expect(watch.findings).toEqual([]);
});

test("nor work of a copy that nobody replaced, or that was started anew", () => {
  const watch = new Watch();
  watch.heardOfGroup(one, GROUP, "given");
  watch.frozen(one);
  pass(3000);
  watch.woken(one);
  watch.heardReport(elsewhere, reported("bitcoin"));
  pass(9000);
  watch.heardReport(one, reported("ethereum"));
  pass(1000);
  watch.frozen(one);
  watch.heardReport(other, reported("ethereum"));
  watch.gone(one);
  pass(9000);
  watch.heardReport(one, reported("ethereum"));
  pass(1000);
  expect(watch.findings).toEqual([]);
});
