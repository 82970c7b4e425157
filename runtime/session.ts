import { setMaxListeners } from "node:events";
import { join } from "node:path";
import type { Logger } from "pino";
import type { ChainName } from "../stream/block.ts";
import type { Broker } from "../stream/kafka/broker.ts";
import { openBroker } from "../stream/kafka/client.ts";
import { CLOCK } from "../stream/kafka/clock.ts";
import { type Groups, openGroups } from "../stream/kafka/groups.ts";
import type { StageContext } from "../stream/kafka/stage.ts";
import { chainTopics } from "../stream/kafka/topics.ts";
import { type ChainConfig, type Config, readConfig } from "./config.ts";
import { type Environment, type NodeAddresses, readEnvironment } from "./environment.ts";
import { InvalidUsage } from "./exit.ts";
import { openLog } from "./log.ts";
import type { Report } from "./reports.ts";
import { type Needs, openServices, type Services } from "./services/open.ts";
import type { Untils } from "./until.ts";

/** What every verb works with. */
export interface Session {
  readonly env: Environment;
  readonly config: Config;
  readonly log: Logger;
  /** Aborted when the process shall end. */
  readonly signal: AbortSignal;
}

/** A session with the services that its verb needs. */
export interface ServedSession extends Session {
  readonly services: Services;
}

/** Every stage of every chain, and each of its chains' sinks, listens for the end: more than Node takes for normal. */
const END_LISTENERS = 1000;

/** Reads environment and config. Throws `ConfigInvalid`. */
export function openSession(verb: string, signal: AbortSignal): Session {
  const env = readEnvironment();
  return { env, config: readConfig(env.configPath), log: openLog(verb), signal };
}

/**
 * Runs `work` with the services that it needs; the ones that were started for it are stopped at its end.
 * When an embedded one stays down meanwhile, `work` is told to end, and `ServiceFailed` says why.
 */
export async function withServices<T>(
  session: Session,
  needs: Needs,
  work: (session: ServedSession) => Promise<T>,
): Promise<T> {
  const services = await openServices(session.env, needs, session.log);
  const down = new AbortController();
  void services.failed.then((reason) => down.abort(reason));
  const signal = AbortSignal.any([session.signal, down.signal]);
  setMaxListeners(END_LISTENERS, signal);
  try {
    const result = await work({ ...session, services, signal });
    down.signal.throwIfAborted();
    return result;
  } catch (error) {
    // What breaks without a service is a consequence of that.
    throw down.signal.aborted ? down.signal.reason : error;
  } finally {
    await services.stop();
  }
}

/** Runs `work` with an open connection to Kafka. */
export async function withBroker<T>(
  session: ServedSession,
  work: (broker: Broker) => Promise<T>,
): Promise<T> {
  const { services, log, signal } = session;
  const { brokers, kafkaSecurity: security } = services;
  const broker = await openBroker({ brokers, security, log, signal });
  try {
    return await work(broker);
  } finally {
    await broker.close();
  }
}

/** Runs `work` with a view of the cluster's consumer groups. */
export async function withGroups<T>(
  { services, log }: ServedSession,
  work: (groups: Groups) => Promise<T>,
): Promise<T> {
  const groups = await openGroups({ brokers: services.brokers, security: services.kafkaSecurity, log });
  try {
    return await work(groups);
  } finally {
    await groups.close();
  }
}

/** What the stages of a process share. */
export interface StageEdge {
  readonly session: Session;
  readonly broker: Broker;
  readonly untils: Untils;
  readonly report: Report;
}

/** The context of a stage on a chain. */
export function stageContext(edge: StageEdge, chain: ChainName): StageContext {
  const { broker, untils, report } = edge;
  const { config, log, signal } = edge.session;
  return {
    chain,
    broker,
    topics: chainTopics(config.kafka.topicPrefix, chain),
    prefix: config.kafka.topicPrefix,
    replication: config.kafka.replication,
    log: log.child({ chain }),
    clock: CLOCK,
    signal,
    until: untils.get(chain),
    report: (event) => report({ chain, event }),
  };
}

/** The configured chain of that name. Throws `InvalidUsage`. */
export function configuredChain(config: Config, name: string): { chain: ChainName; settings: ChainConfig } {
  const settings = config.chains.get(name as ChainName);
  if (settings !== undefined) return { chain: name as ChainName, settings };
  const known = [...config.chains.keys()].join(", ");
  throw new InvalidUsage(`no chain ${name} in ${config.path}; it has ${known}`);
}

/** The nodes of a chain. Throws `InvalidUsage` when none is named. */
export function chainNodes(session: Session, chain: ChainName, settings: ChainConfig): NodeAddresses {
  const nodes = session.env.nodesOf(chain, settings.kind);
  if (nodes.rpc.length > 0) return nodes;
  const variable = `${settings.kind.toUpperCase()}_RPC_URL`;
  throw new InvalidUsage(
    `no node for chain ${chain}: set ${variable} to the URL of one (several: comma-separated, most trusted first), or take the chain out of ${session.config.path}`,
  );
}

/** The home's folders that users read. */
export function outputFolders(env: Environment): { readonly lake: string; readonly feed: string } {
  return { lake: join(env.home, "lake"), feed: join(env.home, "feed") };
}
