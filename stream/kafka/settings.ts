import { MAX_MESSAGE_BYTES, type TopicSpec } from "./topics.ts";

/** What a record may weigh beside its value: key and headers. */
const ENVELOPE_BYTES = 64 * 1024;

/** The largest record on the wire, before compression: the largest value and its envelope. */
export const LARGEST_RECORD_BYTES = MAX_MESSAGE_BYTES + ENVELOPE_BYTES;

/** Only closed segments are compacted: one an hour, or of this size, keeps the topic near one record a key. */
const COMPACTED_SEGMENT_MS = 3_600_000;
const COMPACTED_SEGMENT_BYTES = 64 * 1024 * 1024;

/** From this many replicas on one may be away: a write then stands on two disks at least before it counts. */
const SAFE_REPLICATION = 3;
const SAFE_IN_SYNC = 2;

/** A topic's settings by name, as texts. */
type Settings = Readonly<Record<string, string>>;

/** What stands in the cluster. `own` tells a setting of the topic itself from one that it inherits. */
export interface StandingTopic {
  readonly brokers: string;
  readonly nodes: readonly number[];
  /** The nodes that hold each partition. */
  readonly replicas: readonly (readonly number[])[];
  readonly settings: ReadonlyMap<string, { readonly value: string; readonly own: boolean }>;
}

/** What is wrong with a topic, and the command that mends it. */
export interface TopicFault {
  readonly reason: string;
  readonly remedy: string;
}

/** The settings that a new topic is made with. */
export function settingsOf(spec: TopicSpec): Settings {
  const common = {
    "cleanup.policy": spec.cleanup,
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": String(LARGEST_RECORD_BYTES),
    "message.timestamp.type": "LogAppendTime",
    "compression.type": "zstd",
    ...(spec.replication < SAFE_REPLICATION ? {} : { "min.insync.replicas": String(SAFE_IN_SYNC) }),
  };
  if (spec.cleanup === "delete") return common;
  return {
    ...common,
    "segment.ms": String(COMPACTED_SEGMENT_MS),
    "segment.bytes": String(COMPACTED_SEGMENT_BYTES),
  };
}

/** All that is wrong with a standing topic, worst first: none when it can be used. */
export function faultsOf(spec: TopicSpec, topic: StandingTopic): readonly TopicFault[] {
  return [...partitionFaults(spec, topic), ...replicationFaults(spec, topic), ...settingFaults(spec, topic)];
}

function partitionFaults(spec: TopicSpec, topic: StandingTopic): readonly TopicFault[] {
  const count = topic.replicas.length;
  if (count === 1) return [];
  return [
    {
      reason: `has ${count} partitions; a chain is one order, so it must have 1`,
      remedy: `kafka-topics.sh --bootstrap-server ${topic.brokers} --delete --topic ${spec.name} (it is made anew), or set another kafka.topicPrefix`,
    },
  ];
}

function replicationFaults(spec: TopicSpec, topic: StandingTopic): readonly TopicFault[] {
  const [replicas = []] = topic.replicas;
  if (replicas.length >= spec.replication) return [];
  const wanted = [...new Set([...replicas, ...topic.nodes])].slice(0, spec.replication);
  const plan = JSON.stringify({
    version: 1,
    partitions: [{ topic: spec.name, partition: 0, replicas: wanted }],
  });
  return [
    {
      reason: `has ${replicas.length} replicas, kafka.replication says ${spec.replication}`,
      remedy: `kafka-reassign-partitions.sh --bootstrap-server ${topic.brokers} --execute --reassignment-json-file <(echo '${plan}')`,
    },
  ];
}

function settingFaults(spec: TopicSpec, topic: StandingTopic): readonly TopicFault[] {
  const wanted = settingsOf(spec);
  const wrong = Object.keys(wanted).filter((name) => !isRight(name, wanted, topic));
  if (wrong.length === 0) return [];
  const found = wrong.map((name) => `${name}=${topic.settings.get(name)?.value ?? ""}`).join(", ");
  const mended = wrong.map((name) => `${name}=${wanted[name]}`).join(",");
  return [
    {
      reason: `has ${found}`,
      remedy: `kafka-configs.sh --bootstrap-server ${topic.brokers} --alter --entity-type topics --entity-name ${spec.name} --add-config ${mended}`,
    },
  ];
}

/** Kept for ever unless the topic itself is configured otherwise; segment sizes are the operator's business. */
function isRight(name: string, wanted: Settings, topic: StandingTopic): boolean {
  const found = topic.settings.get(name);
  if (found === undefined) return false;
  switch (name) {
    case "retention.ms":
    case "retention.bytes":
      return found.own || found.value === wanted[name];
    case "max.message.bytes":
      return Number(found.value) >= MAX_MESSAGE_BYTES;
    case "min.insync.replicas":
      return Number(found.value) >= SAFE_IN_SYNC;
    case "compression.type":
      return found.value === "zstd" || found.value === "producer";
    case "segment.ms":
    case "segment.bytes":
      return true;
    default:
      return found.value === wanted[name];
  }
}
