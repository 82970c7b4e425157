import { afterAll, beforeAll, expect, it } from "vitest";
import { runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { keptLog } from "../../support/stage-bed.ts";
import { startServer, type TestServer } from "./server.ts";
import { block, contextOn, recordsOf, START } from "./story.ts";

/** pino's level. */
const WARNING = 40;

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

it("says of each version of labels that its tables never had, and once, that legs were made by it", async () => {
  const { url } = await server.migrated();
  const versions = ["v1", "v1", "v2", "v3", "v2", "v1"];
  const made = versions.map((labelVersion, index) => ({
    ...block(100 + index, START + 600 * index, [{ flowType: "inflow", amount: 1n, to: "binance" }]),
    labelVersion,
  }));
  // A block without legs rests on no labels.
  const bare = { ...block(106, START + 3600), labelVersion: "v4" };
  const cluster = new MemoryCluster();
  for (const topic of Object.values(recordsOf([...made, bare]))) cluster.append(...topic);
  const asset = { chain: "ethereum" as never, asset: "ETH", contract: undefined, decimals: 18 };
  const catalog = () => ({ version: "v1", labels: [], assets: [asset] });
  const { log, lines } = keptLog();
  await runPostgresSink(contextOn(cluster.connect(), { until: 106, log }), {
    url,
    kind: "ethereum",
    catalog,
  });
  const told = lines.filter(({ msg }) => String(msg).startsWith("legs were made by labels"));
  expect(told.map(({ level, version }) => [level, version])).toEqual([
    [WARNING, "v2"],
    [WARNING, "v3"],
  ]);
});
