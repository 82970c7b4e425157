import type { ChainName } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { unreachable } from "../../stream/unreachable.ts";
import { readCatalog } from "../catalog.ts";
import { startStage } from "../child.ts";
import type { Config } from "../config.ts";
import { NO_KAFKA_SECURITY } from "../environment.ts";
import { EXIT } from "../exit.ts";
import { lastBlock, lastFlowsHeight, lastMark } from "../heights.ts";
import { type Report, withReports } from "../reports.ts";
import type { Needs, Services } from "../services/open.ts";
import {
  chainNodes,
  configuredChain,
  openSession,
  type ServedSession,
  type Session,
  withBroker,
  withServices,
} from "../session.ts";
import type { ChainStage, Passage, StageSpec, SupervisorEdge } from "../supervised-stage.ts";
import { supervise } from "../supervisor.ts";
import { servedChains, type Untils } from "../until.ts";

const EVERYTHING: Needs = new Set(["kafka", "postgres"]);
/** A crashed stage comes back at once, and does not hammer on what it lacks. */
const BACKOFF_MS = { first: 500, longest: 10_000 };

/** Runs all stages of all chains, each as a process of its own, until the end (DESIGN §1); resolves with the exit code. */
export async function run(untils: Untils, signal: AbortSignal): Promise<number> {
  const session = openSession("run", signal);
  const chains = chainsToRun(session, untils);
  return withServices(session, EVERYTHING, (served) =>
    withBroker(served, (broker) =>
      withReports(served, untils, async (report) => {
        const edge = edgeOf(served, broker, report);
        const code = await supervise(stagesOf(chains, untils), untils, edge);
        return withLastFeed(code, untils, edge);
      }),
    ),
  );
}

/** What can be wrong is found before anything is started. Throws `InvalidUsage`, `CatalogInvalid`. */
function chainsToRun(session: Session, untils: Untils): readonly ChainName[] {
  const { config } = session;
  for (const chain of untils.keys()) configuredChain(config, chain);
  const chains = servedChains(config.chains.keys(), untils);
  for (const chain of chains) chainNodes(session, chain, configuredChain(config, chain).settings);
  readCatalog(config);
  return chains;
}

function stagesOf(chains: readonly ChainName[], untils: Untils): readonly StageSpec[] {
  const feed: StageSpec = { name: "feed", args: ["feed", "--follow"], role: "extra" };
  return [...chains.flatMap(stagesOfChain), ...(untils.size === 0 ? [feed] : [])];
}

/** Each is a process of its own, the stores too: what ends one chain is nothing to the others. */
function stagesOfChain(chain: ChainName): readonly StageSpec[] {
  const stage = (verb: string, role: ChainStage["role"], leaves: Passage): StageSpec => {
    return { name: `${verb} ${chain}`, args: [verb, chain], chain, role, leaves };
  };
  const store = (name: string): StageSpec => ({
    ...{ name: `warehouse ${name} ${chain}`, args: ["warehouse", name, "--chain", chain], chain },
    ...{ role: "processor", leaves: "final" },
  });
  return [
    stage("ingest", "source", "final"),
    stage("gate", "source", "final"),
    stage("flows", "processor", "flows"),
    stage("aggregate", "processor", "hours"),
    store("postgres"),
    store("parquet"),
  ];
}

function edgeOf(session: ServedSession, broker: Broker, report: Report): SupervisorEdge {
  const { env, config, services } = session;
  const childEnv = {
    ...process.env,
    // What the environment says of Kafka's security is of the brokers that it names, not of ours.
    ...(env.kafkaBrokers === undefined ? { ...NO_KAFKA_SECURITY, ...loginTo(services) } : {}),
    KAFKA_BROKERS: services.brokers,
    DATABASE_URL: services.databaseUrl,
    SLUICE_HOME: env.home,
    SLUICE_CONFIG: env.configPath,
  };
  return {
    start: (args) => startStage(args, childEnv, report),
    heightOf: (chain, passage) => heightOf({ config, broker, chain }, passage),
    log: session.log,
    signal: session.signal,
    backoffMs: BACKOFF_MS,
  };
}

/** By the environment, which other users can't read, and by which the stages know what they must not print. */
function loginTo({ kafkaSecurity: { sasl } }: Services): NodeJS.ProcessEnv {
  if (sasl === undefined) return {};
  const { mechanism, username, password } = sasl;
  return { KAFKA_SASL_MECHANISM: mechanism, KAFKA_USERNAME: username, KAFKA_PASSWORD: password };
}

async function heightOf(
  { config, broker, chain }: { readonly config: Config; readonly broker: Broker; readonly chain: ChainName },
  passage: Passage,
): Promise<number | undefined> {
  const topics = chainTopics(config.kafka.topicPrefix, chain);
  switch (passage) {
    case "final":
      return (await lastBlock(broker, topics.final))?.height;
    case "flows":
      return lastFlowsHeight(broker, topics.flows);
    case "hours":
      return (await lastMark(broker, topics.exchangeFlows))?.height;
    default:
      return unreachable(passage);
  }
}

/** A run that has an end writes the days that it completed. */
async function withLastFeed(code: number, untils: Untils, edge: SupervisorEdge): Promise<number> {
  if (code !== EXIT.done || untils.size === 0 || edge.signal.aborted) return code;
  const feed = edge.start(["feed"]);
  const stop = () => void feed.stop();
  edge.signal.addEventListener("abort", stop, { once: true });
  const ended = await feed.ended;
  return edge.signal.aborted ? EXIT.done : ended;
}
