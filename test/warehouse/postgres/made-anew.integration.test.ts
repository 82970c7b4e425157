import { afterAll, beforeAll, expect, it } from "vitest";
import { OrderBroken } from "../../../stream/kafka/order.ts";
import { orderOf } from "../../../warehouse/postgres/order.ts";
import { runPostgresSink } from "../../../warehouse/postgres/sink.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { startServer, type TestServer } from "./server.ts";
import { block, contextOn, recordsOf, START, TOPICS } from "./story.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const blocks = Array.from({ length: 60 }, (_, index) =>
  block(100 + index, START + 600 * index, [{ flowType: "inflow", amount: BigInt(index + 1), to: "binance" }]),
);
const records = recordsOf(blocks);

/** Each topic as it was written, a transaction a record; `anew`: but this one, made again all at once. */
function clusterOf(anew?: keyof typeof records): MemoryCluster {
  const cluster = new MemoryCluster();
  for (const kind of ["final", "flows", "exchangeFlows"] as const) {
    if (kind === anew) cluster.append(...records[kind]);
    else for (const record of records[kind]) cluster.append(record);
  }
  return cluster;
}

it.each([
  ["final", "blocks", "height"],
  ["flows", "flow_legs", "height"],
  ["exchangeFlows", "exchange_flows_hourly", "last_height"],
] as const)(
  "%s deleted and made anew, so that the saved offset lies at another block: the sink stops, and %s has what it had",
  async (kind, table, height) => {
    const { db, url } = await server.migrated();
    const options = { url, kind: "ethereum" };
    await runPostgresSink(contextOn(clusterOf().connect(), { until: 120 }), options);
    const rows = () => db.query(`select * from public.${table} order by ${height}`);
    const before = await rows();
    const failure = await runPostgresSink(
      contextOn(clusterOf(kind).connect(), { until: 159 }),
      options,
    ).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OrderBroken);
    expect(failure).toMatchObject({
      topic: TOPICS[kind],
      message: expect.stringMatching(/ holds block \d+ \(0x\w+\) where the one after 120 .*belongs; restore/),
    });
    expect(await rows()).toEqual(before);
  },
);

it("a store that another copy has brought further meanwhile is not held to that copy's block", async () => {
  const { db, url } = await server.migrated();
  const broker = clusterOf().connect();
  await runPostgresSink(contextOn(broker, { until: 120 }), { url, kind: "ethereum" });
  const lane = { kind: "final", topic: TOPICS.final, chain: contextOn(broker).chain, owner: "test" } as const;
  const found = clusterOf().records(TOPICS.final);
  const { offset: next } = found[11]!;
  const inOrder = await orderOf({ db, broker }, lane, { next, through: 110 });
  await inOrder(found.slice(11));
  const other = await orderOf({ db, broker }, lane, { next, through: 120 });
  await expect(other(found.slice(11))).rejects.toThrow(OrderBroken);
});
