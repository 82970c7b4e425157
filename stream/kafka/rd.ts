import { RdKafka } from "@confluentinc/kafka-javascript";
import type { Logger } from "pino";
import type { KafkaSecurity } from "./security.ts";

/** How to reach a cluster. `brokers` is a comma-separated list of host:port. */
export interface Edge {
  readonly brokers: string;
  readonly security: KafkaSecurity;
  readonly log: Logger;
  /** Aborted when the process is to end: what a cluster that does not answer fails is not tried again. */
  readonly signal?: AbortSignal;
}

/** What the native client has but its shipped types lack. */
export interface RdConsumer extends RdKafka.KafkaConsumer {
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  incrementalAssign(partitions: readonly RdKafka.Assignment[]): void;
  incrementalUnassign(partitions: readonly RdKafka.Assignment[]): void;
}

/** Reconnect at most this late: the library's 10 s made a commit wait 9.5 s after a broker's restart. */
const RECONNECT_MAX_MS = 1000;

/** librdkafka's error codes that decide what happens next (rdkafka.h, and the protocol's own error codes). */
export const CODE = {
  fenced: -144,
  offsetGone: -140,
  fatal: -150,
  purgedQueue: -152,
  revoked: -174,
  assigned: -175,
  noEntry: -156,
  timedOut: -185,
  unknownTopic: -188,
  unknownPartition: -190,
  messageTimedOut: -192,
  allBrokersDown: -187,
  brokerGone: -137,
  transport: -195,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
} as const;

/** Settings that every native client shares. */
export function connection({ brokers, security }: Edge): RdKafka.GlobalConfig {
  const { sasl, tls } = security;
  const layers = { sasl: sasl !== undefined, tls: tls !== undefined };
  return {
    "bootstrap.servers": brokers,
    "client.id": "sluice",
    "security.protocol": protocol(layers),
    "reconnect.backoff.max.ms": RECONNECT_MAX_MS,
    ...(sasl === undefined
      ? {}
      : {
          "sasl.mechanisms": sasl.mechanism,
          "sasl.username": sasl.username,
          "sasl.password": sasl.password,
        }),
    ...(tls?.ca === undefined ? {} : { "ssl.ca.pem": tls.ca }),
  };
}

/** The error code of whatever the native client threw; undefined for anything else. */
export function codeOf(error: unknown): number | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "number" ? code : undefined;
}

function protocol(layers: { readonly sasl: boolean; readonly tls: boolean }) {
  if (layers.sasl) return layers.tls ? "sasl_ssl" : "sasl_plaintext";
  return layers.tls ? "ssl" : "plaintext";
}

/** Makes a consumer that reads `read_committed` and commits nothing by itself. */
export function makeConsumer(edge: Edge, settings: RdKafka.ConsumerGlobalConfig): RdConsumer {
  // A second argument, even an empty one, would replace auto.offset.reset by the library's default.
  const consumer = new RdKafka.KafkaConsumer({
    ...connection(edge),
    "enable.auto.commit": false,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",
    ...settings,
  } as RdKafka.ConsumerGlobalConfig) as RdConsumer;
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
  return consumer;
}
