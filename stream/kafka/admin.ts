import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { type Admin, type KafkaConfig, type SASLOptions } from "kafkajs";
import { BrokerUnreachable, TopicMisconfigured } from "./errors.ts";
import type { Edge } from "./rd.ts";
import { OUTAGE_MS } from "./session.ts";
import { faultsOf, settingsOf } from "./settings.ts";
import type { TopicSpec } from "./topics.ts";

/** A CommonJS package whose names Node can't see from outside. */
const {
  ConfigResourceTypes,
  ConfigSource,
  Kafka,
  KafkaJSAggregateError,
  KafkaJSConnectionError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  logLevel,
} = kafkajs;

/** Tries of one admin call, 300 ms apart at first and doubling: about half a minute in all, as everywhere else. */
const RETRIES = 6;
const CONNECTION_TIMEOUT_MS = 5000;

/** How long a new topic may take until every broker knows of it. */
const PROPAGATION_MS = 15_000;
const PROPAGATION_STEP_MS = 50;

/**
 * How long brokers may take to join a cluster that has just started; a broker that answers may also be taken for gone
 * for a moment, where it came late with its first signs of life.
 */
const JOIN_MS = 15_000;

/** The rest between two tries of the whole: one dead broker of several fails a try at once, as long as the others believe in it. */
const AGAIN_MS = 300;

/** The cluster has fewer brokers up than a topic is to have replicas. */
class TooFewBrokers extends TopicMisconfigured {
  constructor(spec: TopicSpec, reason: string) {
    super(spec.name, reason, "start more brokers, or lower kafka.replication in the config");
  }
}

/**
 * Makes the topics that are missing and checks those that stand. Throws `BrokerUnreachable` after `OUTAGE_MS`,
 * `TopicMisconfigured` where one can't be made: for want of brokers only after `JOIN_MS`.
 * The native client can neither describe nor alter settings: the only use of `kafkajs`.
 */
export async function ensureTopics(edge: Edge, specs: readonly TopicSpec[]): Promise<void> {
  const startedAt = performance.now();
  /** Since when the cluster answers, and has too few brokers. */
  let tooFewAt: number | undefined;
  for (;;) {
    try {
      await makeAndCheck(edge, specs);
      return;
    } catch (error) {
      const now = performance.now();
      if (error instanceof TooFewBrokers) {
        tooFewAt ??= now;
        if (now - tooFewAt >= JOIN_MS) throw error;
      } else {
        if (!isOutage(error)) throw error;
        if (now - startedAt >= OUTAGE_MS) throw new BrokerUnreachable(edge.brokers, { cause: error });
      }
      await sleep(AGAIN_MS);
    }
  }
}

async function makeAndCheck(edge: Edge, specs: readonly TopicSpec[]): Promise<void> {
  const admin = new Kafka(kafkaConfig(edge)).admin();
  try {
    await admin.connect();
    const standing = new Set(await admin.listTopics());
    for (const spec of specs) if (!standing.has(spec.name)) await create(admin, spec);
    await whenKnown(() => check(admin, edge, specs));
  } finally {
    await admin.disconnect();
  }
}

/** Repeats `ask` while the brokers have not heard of a new topic yet. */
async function whenKnown(ask: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + PROPAGATION_MS;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!isUnknownYet(error) || performance.now() >= deadline) throw error;
      await sleep(PROPAGATION_STEP_MS);
    }
  }
}

function isUnknownYet(error: unknown): boolean {
  return (
    error instanceof KafkaJSProtocolError &&
    (error.type === "UNKNOWN_TOPIC_OR_PARTITION" || error.type === "LEADER_NOT_AVAILABLE")
  );
}

async function create(admin: Admin, spec: TopicSpec): Promise<void> {
  const topic = {
    topic: spec.name,
    numPartitions: 1,
    replicationFactor: spec.replication,
    configEntries: Object.entries(settingsOf(spec)).map(([name, value]) => ({ name, value })),
  };
  try {
    // False when another stage was faster: the check that follows is the same.
    await admin.createTopics({ topics: [topic], waitForLeaders: false });
  } catch (error) {
    throw creationError(spec, error);
  }
}

async function check(admin: Admin, edge: Edge, specs: readonly TopicSpec[]): Promise<void> {
  const names = specs.map((spec) => spec.name);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  const { brokers } = await admin.describeCluster();
  for (const spec of specs) {
    const entries = resources.find((resource) => resource.resourceName === spec.name)?.configEntries ?? [];
    const partitions = topics.find((topic) => topic.name === spec.name)?.partitions ?? [];
    const [fault] = faultsOf(spec, {
      brokers: edge.brokers,
      nodes: brokers.map((broker) => broker.nodeId),
      replicas: partitions.map((partition) => partition.replicas),
      settings: new Map(
        entries.map(({ configName, configValue, configSource }) => [
          configName,
          { value: configValue, own: configSource === ConfigSource.TOPIC_CONFIG },
        ]),
      ),
    });
    if (fault !== undefined) throw new TopicMisconfigured(spec.name, fault.reason, fault.remedy);
  }
}

function creationError(spec: TopicSpec, error: unknown): unknown {
  if (!(error instanceof KafkaJSAggregateError)) return error;
  const reasons = error.errors.map((one) => (typeof one === "string" ? one : one.message)).join(", ");
  const reason = `cannot be made with ${spec.replication} replicas (${reasons})`;
  if (error.errors.some(saysTooFewBrokers)) return new TooFewBrokers(spec, reason);
  const remedy = "let this login make topics, or have the topic made by whoever runs the cluster";
  return new TopicMisconfigured(spec.name, reason, remedy);
}

function saysTooFewBrokers(error: unknown): boolean {
  return error instanceof KafkaJSProtocolError && error.type === "INVALID_REPLICATION_FACTOR";
}

/** Whether the cluster could not be reached, as kafkajs says it. */
export function isOutage(error: unknown): boolean {
  return (
    error instanceof KafkaJSConnectionError ||
    error instanceof KafkaJSNumberOfRetriesExceeded ||
    error instanceof KafkaJSRequestTimeoutError ||
    (error instanceof KafkaJSProtocolError && error.retriable)
  );
}

/** How kafkajs reaches a cluster. */
export function kafkaConfig({ brokers, security }: Edge): KafkaConfig {
  const { sasl, tls } = security;
  return {
    brokers: brokers.split(","),
    clientId: "sluice",
    logLevel: logLevel.NOTHING,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    retry: { retries: RETRIES },
    ...(tls === undefined ? {} : { ssl: tls.ca === undefined ? true : { ca: [tls.ca] } }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: sasl.mechanism.toLowerCase(),
            username: sasl.username,
            password: sasl.password,
          } as SASLOptions,
        }),
  };
}
