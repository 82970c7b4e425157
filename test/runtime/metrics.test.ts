import { afterEach, expect, test } from "vitest";
import { type Metrics, openMetrics } from "../../runtime/metrics.ts";
import { freePort } from "../../runtime/services/port.ts";
import type { BlockHash, ChainName } from "../../stream/block.ts";

const chain = "ethereum" as ChainName;
const block = (height: number) => ({ height, hash: `0x${height}` as BlockHash });
const host = "127.0.0.1";
let metrics: Metrics | undefined;
afterEach(() => metrics?.close());

test("heights by stage, reorgs and orphans are served", async () => {
  const port = await freePort("metrics");
  metrics = await openMetrics({ host, port });
  metrics.report({ chain, event: { kind: "announced", block: block(12), nodeHead: 15 } });
  metrics.report({ chain, event: { kind: "released", block: block(7), tip: 12 } });
  metrics.report({ chain, event: { kind: "written", stage: "flows", height: 6 } });
  metrics.report({ chain, event: { kind: "written", stage: "aggregate", height: 5 } });
  metrics.report({ chain, event: { kind: "stored", store: "parquet", height: 6 } });
  metrics.report({
    chain,
    event: { kind: "reorg", depth: 2, orphaned: [block(12), block(11)], newTip: block(11) },
  });
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(text.split("\n").filter((line) => line.startsWith("sluice_"))).toEqual([
    'sluice_height{chain="ethereum",stage="ingest"} 12',
    'sluice_height{chain="ethereum",stage="gate"} 7',
    'sluice_height{chain="ethereum",stage="flows"} 6',
    'sluice_height{chain="ethereum",stage="aggregate"} 5',
    'sluice_height{chain="ethereum",stage="parquet"} 6',
    'sluice_node_head_height{chain="ethereum"} 15',
    'sluice_reorgs_total{chain="ethereum"} 1',
    'sluice_orphaned_blocks_total{chain="ethereum"} 2',
  ]);
});

test("a port that is taken is named", async () => {
  const port = await freePort("metrics");
  metrics = await openMetrics({ host, port });
  await expect(openMetrics({ host, port })).rejects.toThrow(
    `SLUICE_METRICS_HOST and SLUICE_METRICS_PORT: listen EADDRINUSE: address already in use ${host}:${port}`,
  );
});
