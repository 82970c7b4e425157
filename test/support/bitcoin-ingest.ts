import { pino } from "pino";
import { proveAnswer } from "../../ingest/bitcoin/prove.ts";
import type { BitcoinProver } from "../../ingest/bitcoin/prover.ts";
import { openBitcoinSource } from "../../ingest/bitcoin/source.ts";
import type { BitcoinOptions } from "../../ingest/options.ts";
import type { ChainName } from "../../stream/block.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { HASTY, type IngestRun, type RunOptions, startSource } from "./ingest-story.ts";
import type { MemoryCluster } from "./memory-broker.ts";
import { pacedClock } from "./paced-clock.ts";

const BITCOIN = "bitcoin" as ChainName;
const SILENT = pino({ enabled: false });

/** Proves on this thread. */
export const PROVES_HERE: BitcoinProver = { prove: async (task) => proveAnswer(task), close: async () => {} };

/** Regtest options for `nodes`; everything else is dull unless told. */
export function bitcoinOptions(
  nodes: readonly string[],
  other: Partial<BitcoinOptions> = {},
): BitcoinOptions {
  return {
    kind: "bitcoin",
    network: "regtest",
    start: 1,
    policy: { kind: "confirmations", confirmations: 3 },
    pollMs: 10,
    waive: [],
    nodes,
    restUrls: [],
    cookieFile: undefined,
    ...other,
  };
}

/** Starts Bitcoin's ingest as the runtime would. */
export function startBitcoinIngest(
  cluster: MemoryCluster,
  options: BitcoinOptions,
  other: RunOptions = {},
): IngestRun {
  const edge = { prover: PROVES_HERE, log: SILENT, limits: other.limits ?? HASTY, clock: pacedClock() };
  const source = openBitcoinSource(options, edge);
  return startSource(cluster, { chain: BITCOIN, source, options }, other);
}

/** What Bitcoin's raw holds. */
export function bitcoinRecords(cluster: MemoryCluster): readonly KafkaRecord[] {
  return cluster.records(chainTopics("", BITCOIN).raw);
}

/** The hashes that it holds, in order. */
export function bitcoinHashes(cluster: MemoryCluster): readonly string[] {
  return bitcoinRecords(cluster).map((record) => record.key);
}
