import { type Logger, pino } from "pino";
import { proveBody } from "../../ingest/ethereum/prove-body.ts";
import type { Prover } from "../../ingest/ethereum/prover.ts";
import { openEthereumSource } from "../../ingest/ethereum/source.ts";
import { type IngestOptions, runIngest } from "../../ingest/ingest.ts";
import { NODE_LIMITS, type NodeLimits } from "../../ingest/limits.ts";
import type { EthereumOptions } from "../../ingest/options.ts";
import type { Source } from "../../ingest/source.ts";
import type { ChainName } from "../../stream/block.ts";
import type { KafkaRecord, OutgoingRecord } from "../../stream/kafka/broker.ts";
import { CLOCK } from "../../stream/kafka/clock.ts";
import type { StageContext, StageEvent } from "../../stream/kafka/stage.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import type { MemoryBroker, MemoryCluster } from "./memory-broker.ts";
import { pacedClock } from "./paced-clock.ts";

/** Proves on this thread: no build is needed, and a breakpoint stops in it. */
export const HERE: Prover = { prove: async (task) => proveBody(task), close: async () => {} };

/** Limits that let a test see the end of a node's patience within a second or two. */
export const HASTY: NodeLimits = {
  ...NODE_LIMITS,
  outageMs: 1_500,
  firstBackoffMs: 10,
  longestBackoffMs: 100,
  leftOutMs: 200,
  roundPauseMs: 20,
  smallAnswerMs: 5_000,
  bodyAnswerMs: 5_000,
  tracesAnswerMs: 5_000,
  maxAnswerBytes: 8 << 20,
};

const SILENT = pino({ enabled: false });

/** Ethereum options for `nodes`; everything else is dull unless told. */
export function ethereumOptions(
  nodes: readonly string[],
  other: Partial<EthereumOptions> = {},
): EthereumOptions {
  return {
    kind: "ethereum",
    chainId: 1,
    start: 1000,
    policy: { kind: "confirmations", confirmations: 3 },
    pollMs: 10,
    traces: false,
    waive: [],
    blobSchedule: undefined,
    nodes,
    ...other,
  };
}

/** One copy of ingest at work on a Kafka in memory. */
export interface IngestRun {
  readonly ended: Promise<void>;
  readonly events: readonly StageEvent[];
  readonly broker: MemoryBroker;
  stop(): Promise<void>;
}

/** How a test's ingest differs from a dull one. */
export interface RunOptions {
  readonly until?: number;
  readonly limits?: NodeLimits;
  readonly broker?: MemoryBroker;
  readonly log?: Logger;
}

/** Starts ingest as the runtime would, with an own source. */
export function startIngest(
  cluster: MemoryCluster,
  options: EthereumOptions,
  other: RunOptions = {},
): IngestRun {
  const edge = { prover: HERE, log: SILENT, limits: other.limits ?? HASTY, clock: pacedClock() };
  const source = openEthereumSource(options, edge);
  return startSource(cluster, { chain: CHAIN, source, options }, other);
}

/** Starts ingest on any chain's source, which it closes at its end. */
export function startSource(
  cluster: MemoryCluster,
  of: { readonly chain: ChainName; readonly source: Source; readonly options: IngestOptions },
  other: RunOptions = {},
): IngestRun {
  const { chain, source, options } = of;
  const stopping = new AbortController();
  const events: StageEvent[] = [];
  const broker = other.broker ?? cluster.connect();
  const context: StageContext = {
    chain,
    broker,
    topics: chainTopics("", chain),
    prefix: "",
    replication: 1,
    log: other.log ?? SILENT,
    clock: CLOCK,
    signal: stopping.signal,
    until: other.until,
    report: (event) => events.push(event),
  };
  const { start, policy, pollMs } = options;
  const ended = runIngest(context, source, { start, policy, pollMs }).finally(() => source.close());
  ended.catch(() => undefined);
  return {
    ended,
    events,
    broker,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

const CHAIN = "ethereum" as ChainName;
const TOPICS = chainTopics("", CHAIN);

/** What raw holds. */
export function rawRecords(cluster: MemoryCluster): readonly KafkaRecord[] {
  return cluster.records(TOPICS.raw);
}

/** The hashes that raw holds, in order. */
export function rawHashes(cluster: MemoryCluster): readonly string[] {
  return rawRecords(cluster).map((record) => record.key);
}

/** Waits until `holds`, looking every few milliseconds; throws what it waited for after `timeoutMs`. */
export async function until(what: string, holds: () => boolean, timeoutMs = 40_000): Promise<void> {
  for (const startedAt = performance.now(); !holds(); ) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A block as the gate releases it, with the headers that matter here. */
export function finalRecord(hash: string, headers: Readonly<Record<string, string>>): OutgoingRecord {
  const block = { hash, parent: "parent", time: "1", ...headers };
  return { topic: "ethereum.blocks.final.v1", key: hash, value: Buffer.from("block"), headers: block };
}
