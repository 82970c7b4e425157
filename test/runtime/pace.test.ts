import { expect, test } from "vitest";
import { Pace } from "../../runtime/pace.ts";

test("tells rate and what is left of a backfill", () => {
  const pace = new Pace();
  for (let second = 0; second <= 4; second++) pace.add(100 + 50 * second, 1300, 1000 * second);
  expect(pace.view()).toEqual({ height: 300, target: 1300, blocksPerS: 50, etaS: 20 });
});

test("forgets what is long ago, so that a change shows", () => {
  const pace = new Pace();
  pace.add(0, 10_000, 0);
  pace.add(1000, 10_000, 100_000);
  pace.add(2000, 10_000, 110_000);
  expect(pace.view()).toEqual({ height: 2000, target: 10_000, blocksPerS: 100, etaS: 80 });
});

test("has no rate at first, and none to show close to the head", () => {
  const pace = new Pace();
  expect(pace.view()).toBeUndefined();
  pace.add(10, 1000, 0);
  expect(pace.view()).toEqual({ height: 10, target: 1000, blocksPerS: 0, etaS: null });
  pace.add(990, 1000, 1000);
  expect(pace.view()).toBeUndefined();
});
