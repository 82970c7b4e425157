import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StageEvent } from "../../../stream/kafka/stage.ts";
import { DayClosed } from "../../../warehouse/lake/day-store.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { type Effect, MemoryCluster } from "../../support/memory-broker.ts";
import { metasOf, rowsOf } from "./reading.ts";
import { contextOn, publish, TOPICS, tell } from "./story.ts";

const HUGE = 2n ** 130n;

const STORY = tell([
  { at: "2023-07-13T23:59:47Z", legs: [["inflow", "binance", "ETH", HUGE]] },
  {
    at: "2023-07-13T23:59:59Z",
    legs: [
      ["inflow", "binance", "ETH", HUGE],
      ["outflow", "okx", "USDT", 5n],
    ],
  },
  { at: "2023-07-14T00:00:00Z", legs: [["outflow", "binance", "ETH", 3n]] },
  { at: "2023-07-14T00:00:12Z" },
  { at: "2023-07-15T12:00:00Z", legs: [["inflow", "kraken", "ETH", 1n]] },
]);

/** The first block as final has it. */
const firstFinal = (() => {
  const cluster = new MemoryCluster();
  publish(cluster, STORY.slice(0, 1));
  return cluster
    .records(TOPICS.final)
    .map(({ key, value, headers }) => ({ topic: TOPICS.final, key, value, headers }));
})();

let lake = "";
beforeEach(() => {
  lake = join(mkdtempSync(join(tmpdir(), "sluice-lake-")), "lake");
});
afterEach(() => rmSync(join(lake, ".."), { recursive: true, force: true }));

describe("the lake sink", () => {
  it("writes one file per table and day, and closes the days that are over", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    await runLakeSink(contextOn(cluster, { until: 104 }), { lake });
    expect(await rowsOf(lake, "blocks")).toEqual([
      "2023-07-13 ethereum|100|0xb100|0xb99|2023-07-13 23:59:47+00|final",
      "2023-07-13 ethereum|101|0xb101|0xb100|2023-07-13 23:59:59+00|final",
      "2023-07-14 ethereum|102|0xb102|0xb101|2023-07-14 00:00:00+00|final",
      "2023-07-14 ethereum|103|0xb103|0xb102|2023-07-14 00:00:12+00|final",
      "2023-07-15 ethereum|104|0xb104|0xb103|2023-07-15 12:00:00+00|final",
    ]);
    expect(await rowsOf(lake, "flow_legs")).toEqual([
      `2023-07-13 ethereum|100|0xb100|2023-07-13 23:59:47+00|0xt100.0|0|ETH|native|inflow|null|binance|0xfrom|0xto|${HUGE}|block|v1`,
      `2023-07-13 ethereum|101|0xb101|2023-07-13 23:59:59+00|0xt101.0|0|ETH|native|inflow|null|binance|0xfrom|0xto|${HUGE}|block|v1`,
      "2023-07-13 ethereum|101|0xb101|2023-07-13 23:59:59+00|0xt101.1|1|USDT|token|outflow|okx|null|0xfrom|0xto|5|block|v1",
      "2023-07-14 ethereum|102|0xb102|2023-07-14 00:00:00+00|0xt102.0|0|ETH|native|outflow|binance|null|0xfrom|0xto|3|block|v1",
      "2023-07-15 ethereum|104|0xb104|2023-07-15 12:00:00+00|0xt104.0|0|ETH|native|inflow|null|kraken|0xfrom|0xto|1|block|v1",
    ]);
    expect(await rowsOf(lake, "exchange_flows_hourly")).toEqual([
      `2023-07-13 ethereum|binance|ETH|2023-07-13 23:00:00+00|${2n * HUGE}|0|${2n * HUGE}|0|0|0|2|0|2|0|0|0|0|false|100|101`,
      "2023-07-13 ethereum|okx|USDT|2023-07-13 23:00:00+00|0|5|-5|0|0|0|0|1|0|1|0|0|0|false|101|101",
      "2023-07-14 ethereum|binance|ETH|2023-07-14 00:00:00+00|0|3|-3|0|0|0|0|1|0|1|0|0|0|true|102|102",
      "2023-07-15 ethereum|kraken|ETH|2023-07-15 12:00:00+00|1|0|1|0|0|0|1|0|1|0|0|0|0|false|104|104",
    ]);
    for (const table of ["blocks", "flow_legs", "exchange_flows_hourly"] as const) {
      expect([...(await metasOf(lake, table))].map(([day, meta]) => [day, meta.closed, meta.height])).toEqual(
        [
          ["2023-07-13", true, expect.any(Number)],
          ["2023-07-14", true, expect.any(Number)],
          ["2023-07-15", false, 104],
        ],
      );
    }
  });

  it("stops at `until` exactly, returns at once when it is past it, and goes on from there", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    const events: StageEvent[] = [];
    await runLakeSink(contextOn(cluster, { until: 101, report: (event) => events.push(event) }), { lake });
    expect(await rowsOf(lake, "blocks")).toHaveLength(2);
    expect(await rowsOf(lake, "flow_legs")).toHaveLength(3);
    expect(await rowsOf(lake, "exchange_flows_hourly")).toHaveLength(2);
    expect(events.at(-1)).toEqual({ kind: "stored", store: "parquet", height: 101 });

    const owner = cluster.connect();
    const held = await owner.claim({ group: "parquet-ethereum", topic: "t" }, new AbortController().signal);
    await runLakeSink(contextOn(cluster, { until: 101 }), { lake });
    await runLakeSink(contextOn(cluster, { until: 50 }), { lake });
    await held.close();

    await runLakeSink(contextOn(cluster, { until: 104 }), { lake });
    expect(await rowsOf(lake, "blocks")).toHaveLength(5);
    expect(await rowsOf(lake, "flow_legs")).toHaveLength(5);
  });

  it.each(["at once", "later"])("refuses an `until` below where the chain begins, told %s", async (when) => {
    const cluster = new MemoryCluster();
    const tellFirst = () => cluster.append(...firstFinal);
    if (when === "at once") tellFirst();
    const onEffect = ({ kind }: Effect) => {
      if (kind === "read" && cluster.records(TOPICS.final).length === 0) tellFirst();
    };
    // Nobody writes flows: what final tells is enough.
    const ended = runLakeSink(contextOn(cluster, { until: 99, onEffect }), { lake });
    await expect(ended).rejects.toMatchObject({ name: "UntilBelowBeginning", begins: 100, until: 99 });
    expect((await metasOf(lake, "blocks")).size).toBe(0);
  });

  it("writes nothing where the chain begins above `until`", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    await expect(runLakeSink(contextOn(cluster, { until: 99 }), { lake })).rejects.toThrow("begins at 100");
    for (const table of ["blocks", "flow_legs", "exchange_flows_hourly"] as const) {
      expect(await rowsOf(lake, table)).toEqual([]);
      expect((await metasOf(lake, table)).size).toBe(0);
    }
    await runLakeSink(contextOn(cluster, { until: 100 }), { lake });
    expect(await rowsOf(lake, "flow_legs")).toHaveLength(1);
  });

  it("puts an empty file down for a day without a leg", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, tell([{ at: "2023-07-13T10:00:00Z" }, { at: "2023-07-14T10:00:00Z" }]));
    await runLakeSink(contextOn(cluster, { until: 101 }), { lake });
    expect(await rowsOf(lake, "flow_legs")).toEqual([]);
    expect([...(await metasOf(lake, "flow_legs"))].map(([day, meta]) => [day, meta.closed])).toEqual([
      ["2023-07-13", true],
      ["2023-07-14", false],
    ]);
  });

  it("refuses a record for a closed day, and leaves the file as it was", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    await runLakeSink(contextOn(cluster, { until: 104 }), { lake });
    const before = await rowsOf(lake, "flow_legs");
    const late = tell([{ at: "2023-07-13T23:59:59Z", legs: [["inflow", "okx", "ETH", 1n]] }], 105);
    publish(cluster, late);
    await expect(runLakeSink(contextOn(cluster, { until: 105 }), { lake })).rejects.toThrow(DayClosed);
    expect(await rowsOf(lake, "flow_legs")).toEqual(before);
  });

  it("stands by while another copy works, and ends when it is told to", async () => {
    const cluster = new MemoryCluster();
    publish(cluster, STORY);
    const first = new AbortController();
    const second = new AbortController();
    const stored: string[] = [];
    const copy = (name: string, stop: AbortController) =>
      runLakeSink(contextOn(cluster, { signal: stop.signal, report: () => stored.push(name) }), {
        lake,
        flushMs: 1,
      });
    const working = copy("first", first);
    const waiting = copy("second", second);
    await expect.poll(() => stored.length).toBeGreaterThan(0);
    first.abort();
    await working;
    expect(new Set(stored)).toEqual(new Set(["first"]));
    publish(cluster, tell([{ at: "2023-07-15T12:00:12Z" }], 105));
    await expect.poll(() => stored).toContain("second");
    second.abort();
    await waiting;
    expect(await rowsOf(lake, "blocks")).toHaveLength(6);
  });
});
