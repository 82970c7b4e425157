import { pino } from "pino";
import { openEthereumSource } from "../../ingest/ethereum/source.ts";
import { runIngest } from "../../ingest/ingest.ts";
import { NODE_LIMITS, type NodeLimits } from "../../ingest/limits.ts";
import type { ChainName } from "../../stream/block.ts";
import type { LabelBook } from "../../stream/flow/labels.ts";
import { runAggregate } from "../../stream/kafka/aggregate.ts";
import { Fenced } from "../../stream/kafka/errors.ts";
import { runFlows } from "../../stream/kafka/flows.ts";
import { runGate } from "../../stream/kafka/gate.ts";
import { type StageContext, stageId } from "../../stream/kafka/stage.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { unreachable } from "../../stream/unreachable.ts";
import { StoresDiffer, writeFeeds } from "../../warehouse/feed/write.ts";
import { runLakeSink } from "../../warehouse/lake/sink.ts";
import { isOutage } from "../../warehouse/postgres/outage.ts";
import { storeChain } from "../../warehouse/postgres/sink.ts";
import { connect, type SimKafka } from "./broker.ts";
import type { Director } from "./director.ts";
import { ASSETS } from "./feed.ts";
import { LAG_S } from "./figures.ts";
import { FEED, LAKE } from "./lake.ts";
import { SIM_PROVER, simEndpoint } from "./node.ts";
import type { SimProcess } from "./process.ts";
import { LABEL_VERSION, simRule } from "./rule.ts";
import type { Stores } from "./stores.ts";
import type { Role, Story } from "./story.ts";

/** The chain of all simulations. */
export const CHAIN = "sim" as ChainName;
/** Its topics. */
export const TOPICS = chainTopics("", CHAIN);

const SILENT = pino({ enabled: false });
const POLL_MS = 300;
/** Less than the real 5 s, as `FLUSH_MS` is. */
const PASS_MS = 1_500;
/** Less than the real 5 s: a run is some 20 s of virtual time, and every flush is another chance to crash. */
const FLUSH_MS = 700;
/** A node's troubles are over within seconds of virtual time; a run must not be longer for them. */
const LIMITS: NodeLimits = {
  ...NODE_LIMITS,
  outageMs: 60_000,
  firstBackoffMs: 100,
  longestBackoffMs: 2_000,
  leftOutMs: 3_000,
  roundPauseMs: 200,
};

/** What the processes of a run share. */
export interface Stage {
  readonly story: Story;
  readonly kafka: SimKafka;
  readonly director: Director;
  readonly stores: Stores;
  /** As `--until`; undefined: none. */
  readonly until: number | undefined;
}

/** Runs the real stage of a role in a process until `signal` aborts. */
export async function runRole(
  role: Role,
  stage: Stage,
  process: SimProcess,
  signal: AbortSignal,
): Promise<void> {
  return runStage(role, stage, process, contextOf(stage, process, signal));
}

/** As `runRole`, in a context that is there. */
export async function runStage(
  role: Role,
  stage: Stage,
  process: SimProcess,
  context: StageContext,
): Promise<void> {
  const { story } = stage;
  switch (role) {
    case "ingest":
      return ingest(stage, process, context);
    case "gate":
      return runGate(context, story.policy);
    case "flows":
      return runFlows(context, { rule: simRule(story.timeRule === "ascending"), book: () => NO_LABELS });
    case "aggregate":
      return runAggregate(
        context,
        LAG_S[story.timeRule],
        story.timeRule === "ascending" ? "stated" : "medianTimePast",
      );
    case "postgres":
      return storeChain(context, stage.stores.postgres.open(process, stageId(context, "postgres")), {
        kind: kindOf(story),
      }).catch((error: unknown) => {
        if (!context.signal.aborted) throw error;
      });
    case "parquet":
      return runLakeSink(context, { lake: LAKE, flushMs: FLUSH_MS, edge: stage.stores.lake.open(process) });
    case "feed":
      return feed(stage, process, context);
    default:
      return unreachable(role);
  }
}

/** By what the store's windows go: how far an earlier block's time may lie above a later one's. */
export function kindOf({ timeRule }: Story): string {
  return timeRule === "ascending" ? "ethereum" : "bitcoin";
}

/** As `sluice feed --follow` does, or with `until` until one pass was undisturbed. */
async function feed(
  { story, stores, until }: Stage,
  process: SimProcess,
  { clock, log, signal }: StageContext,
): Promise<void> {
  const openDatabase = async () => stores.postgres.open(process, "feed");
  const edge = { ...stores.lake.open(process), clock, openDatabase };
  const settled = new Set<string>();
  const places = { databaseUrl: "simulated", lake: LAKE, feed: FEED, chains: [CHAIN], assets: ASSETS };
  while (!signal.aborted) {
    try {
      await writeFeeds({ ...places, settled, log, signal, edge });
      if (until !== undefined) return;
      await clock.sleep(PASS_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      // One store follows a rewind before the other.
      const mayDiffer = error instanceof StoresDiffer && story.rewind !== undefined;
      const isPassing = error instanceof Fenced || isOutage(error) || mayDiffer;
      if (!isPassing) throw error;
    }
  }
}

/** What a process's stage is given. */
export function contextOf({ kafka, until }: Stage, process: SimProcess, signal: AbortSignal): StageContext {
  return {
    chain: CHAIN,
    broker: connect(kafka, process),
    topics: TOPICS,
    prefix: "",
    replication: 1,
    log: SILENT,
    clock: process.clock,
    signal,
    until,
    report: () => undefined,
  };
}

async function ingest(
  { story, director, kafka }: Stage,
  process: SimProcess,
  context: StageContext,
): Promise<void> {
  const { chain, nodes } = director;
  const { random } = kafka.scheduler;
  const options = {
    kind: "ethereum",
    chainId: 1,
    start: story.start,
    policy: story.policy,
    pollMs: POLL_MS,
    traces: false,
    // Consensus bytes are the same questions by other names: half the calls.
    waive: ["senders"],
    blobSchedule: undefined,
    nodes: nodes.map((_, index) => `http://node${index}`),
  } as const;
  const source = openEthereumSource(options, {
    prover: SIM_PROVER,
    log: SILENT,
    limits: LIMITS,
    clock: process.clock,
    connect: (url) => {
      const index = options.nodes.indexOf(url);
      return simEndpoint(`node ${index}`, nodes[index] ?? { head: undefined, finalized: undefined }, {
        chain,
        process,
        random,
      });
    },
  });
  try {
    await runIngest(context, source, options);
  } finally {
    await source.close();
  }
}

/** The simulated chain's blocks name exchanges themselves. */
const NO_LABELS: LabelBook = {
  version: LABEL_VERSION,
  nativeAsset: "ETH",
  exchangeAt: () => null,
  addresses: () => [],
  assetOf: () => undefined,
};
