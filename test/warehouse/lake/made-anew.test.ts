import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { OrderBroken } from "../../../stream/kafka/order.ts";
import { runLakeSink } from "../../../warehouse/lake/sink.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { rowsOf } from "./reading.ts";
import { contextOn, publish, TOPICS, tell } from "./story.ts";

const STORY = tell(
  Array.from({ length: 40 }, (_, at) => ({
    at: new Date(Date.parse("2023-07-13T18:00:00Z") + 600_000 * at).toISOString(),
    legs: [["inflow", "binance", "ETH", BigInt(at + 1)] as const],
  })),
);

let lake = "";
beforeEach(() => {
  lake = join(mkdtempSync(join(tmpdir(), "sluice-lake-")), "lake");
});
afterEach(() => rmSync(join(lake, ".."), { recursive: true, force: true }));

/** The topics as they were written; `anew`: but this one, made again all at once. */
function clusterOf(anew?: string): MemoryCluster {
  const written = new MemoryCluster();
  publish(written, STORY);
  const cluster = new MemoryCluster();
  for (const topic of [TOPICS.final, TOPICS.flows, TOPICS.exchangeFlows]) {
    const records = written.records(topic);
    if (topic === anew) cluster.append(...records);
    else for (const record of records) cluster.append(record);
  }
  return cluster;
}

it.each([
  [TOPICS.final, "blocks"],
  [TOPICS.flows, "flow_legs"],
  [TOPICS.exchangeFlows, "exchange_flows_hourly"],
] as const)(
  "%s deleted and made anew, so that the saved offset lies at another block: the sink stops, and %s has what it had",
  async (topic, table) => {
    await runLakeSink(contextOn(clusterOf(), { until: 110 }), { lake });
    const before = await rowsOf(lake, table);
    expect(before.length).toBeGreaterThan(0);
    const failure = await runLakeSink(contextOn(clusterOf(topic), { until: 139 }), {
      lake,
      flushMs: 0,
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OrderBroken);
    expect(failure).toMatchObject({
      topic,
      message: expect.stringMatching(/ holds block \d+ \(0xb\d+\) where the one after 110 belongs; restore/),
    });
    expect(await rowsOf(lake, table)).toEqual(before);
  },
);
