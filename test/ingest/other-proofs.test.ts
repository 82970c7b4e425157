import { expect, it } from "vitest";
import type { EthereumOptions } from "../../ingest/options.ts";
import { grow, simulateChain } from "../chain/chain.ts";
import { startNode } from "../chain/node.ts";
import { ethereumOptions, rawHashes, rawRecords, startIngest, until } from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { keptLog } from "../support/stage-bed.ts";
import { closedAfterwards } from "../support/started-nodes.ts";

/** pino's level. */
const WARNING = 40;

const nodeAt = closedAfterwards(startNode);

const trunk = grow(simulateChain({ bodies: (facts) => facts.traces && facts.transactions < 120 }), 12);
type Config = Partial<EthereumOptions>;

/** The warnings of the second of two copies with these configs; the first one has written three blocks when it takes over. */
async function warningsOf(first: Config, second: Config) {
  const node = await nodeAt(trunk);
  const cluster = new MemoryCluster();
  await startIngest(cluster, ethereumOptions([node.url], first), { until: 1000 }).ended;
  expect(rawHashes(cluster)).toHaveLength(3);
  const { log, lines } = keptLog();
  const run = startIngest(cluster, ethereumOptions([node.url], second), { log });
  await until("the rest", () => rawHashes(cluster).length === 13);
  await run.stop();
  const proofs = new Set(rawRecords(cluster).map(({ headers }) => headers["proofs"]));
  const warnings = lines
    .filter(({ level }) => level === WARNING)
    .map(({ noLonger, newly }) => ({ noLonger, newly }));
  return { warnings, proofs: proofs.size };
}

it.each<readonly [Config, Config, { readonly noLonger: string[]; readonly newly: string[] }]>([
  [{ traces: true }, {}, { noLonger: ["traces"], newly: [] }],
  [{}, { traces: true }, { noLonger: [], newly: ["traces"] }],
  [{}, { waive: ["bloom", "senders"] }, { noLonger: ["bloom", "senders"], newly: [] }],
  [{ traces: true, waive: ["bloom"] }, {}, { noLonger: ["traces"], newly: ["bloom"] }],
])(
  "a copy with %j, taken over by one with %j, is told once by what blocks are proven from there on",
  async (first, second, warning) => {
    expect(await warningsOf(first, second)).toEqual({ warnings: [warning], proofs: 2 });
  },
);

it("a copy with the same proofs takes over without a word, as one does that begins a chain", async () => {
  const config = { traces: true, waive: ["bloom"] } as const;
  expect(await warningsOf(config, config)).toEqual({ warnings: [], proofs: 1 });
});
