import { expect, test } from "vitest";
import { figureTable } from "./figures.ts";
import { usageOf } from "./machine.ts";

test("figures as a Markdown table: rates, CPU a block, peak memory", () => {
  const usage = { cpuS: 12, peakBytes: 300 * 2 ** 20 };
  const table = figureTable([
    { what: "ingest", blocksPerS: 61.4, blocks: 1000, usage },
    { what: "all", blocksPerS: undefined, blocks: 1000, usage, isTotal: true },
    { what: "elsewhere", blocksPerS: 1, blocks: 10, usage: undefined },
  ]);
  expect(
    table.split("\n").map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ),
  ).toEqual([
    ["", "blocks/s", "CPU ms/block", "peak memory"],
    [
      expect.stringMatching(/^-+$/),
      expect.stringMatching(/^-+:$/),
      expect.stringMatching(/^-+:$/),
      expect.stringMatching(/^-+:$/),
    ],
    ["ingest", "61", "12.0", "300 MiB"],
    ["all", "", "12.0", ""],
    ["elsewhere", "1", "unavailable", "unavailable"],
  ]);
});

test.skipIf(process.platform !== "linux")(
  "reads what a process used from proc(5) (skipped where there is none)",
  () => {
    const usage = usageOf(process.pid);
    expect(usage?.cpuS).toBeCloseTo((process.cpuUsage().user + process.cpuUsage().system) / 1e6, 0);
    const now = process.memoryUsage().rss;
    expect(usage?.peakBytes).toBeGreaterThan(0.9 * now);
    // What a process began as, its parent's memory, counts there too.
    expect(usage?.peakBytes).toBeLessThan(1.1 * process.resourceUsage().maxRSS * 1024);
    expect(usageOf(2 ** 30)).toBe(undefined);
  },
);
