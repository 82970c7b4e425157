import { MAX_MESSAGE_BYTES } from "../../stream/kafka/topics.ts";

/** Where a node listens. */
export interface NodePorts {
  readonly brokerPort: number;
  readonly controllerPort: number;
}

/** Where a node listens and keeps its log, and whom it belongs to. */
export interface NodePlace extends NodePorts {
  readonly dataFolder: string;
  /** The id of the node, counted from 1, and the ports of all nodes of its cluster by id; default: one node alone. */
  readonly seat?: { readonly id: number; readonly nodes: readonly NodePorts[] };
  /** The one user that it lets in, the node itself included; default: everybody. */
  readonly login?: KafkaLogin;
}

/** A user by SASL PLAIN: on loopback, where nobody listens in. */
export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
}

/** The properties of a KRaft node that is broker and controller: loopback only, quick to start, to take over and to come back. */
export function kafkaProperties(place: NodePlace): string {
  const nodes = place.seat?.nodes ?? [place];
  const settings = {
    ...addresses(place, nodes),
    ...access(place.login),
    ...replication(nodes.length),
    ...TAKEOVER,
    ...SIZES,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

function addresses(place: NodePlace, nodes: readonly NodePorts[]): Record<string, string> {
  const { brokerPort, controllerPort, dataFolder, seat } = place;
  return {
    "process.roles": "broker,controller",
    "node.id": String(seat?.id ?? 1),
    "controller.quorum.voters": nodes
      .map((node, index) => `${index + 1}@127.0.0.1:${node.controllerPort}`)
      .join(","),
    listeners: `BROKER://127.0.0.1:${brokerPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `BROKER://127.0.0.1:${brokerPort}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKER",
    // A properties file reads a backslash as an escape.
    "log.dirs": dataFolder.replaceAll("\\", "\\\\"),
    "auto.create.topics.enable": "false",
  };
}

/** The controller's port too: whoever may speak to it may delete topics. */
function access(login: KafkaLogin | undefined): Record<string, string> {
  const protocol = login === undefined ? "PLAINTEXT" : "SASL_PLAINTEXT";
  const map = { "listener.security.protocol.map": `BROKER:${protocol},CONTROLLER:${protocol}` };
  if (login === undefined) return map;
  const { username, password } = login;
  const module = "org.apache.kafka.common.security.plain.PlainLoginModule";
  const user = `${module} required username="${username}" password="${password}" user_${username}="${password}";`;
  return {
    ...map,
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.broker.plain.sasl.jaas.config": user,
    "listener.name.controller.plain.sasl.jaas.config": user,
  };
}

/** As many replicas as a topic gets at most: more would only cost. */
const MOST_REPLICAS = 3;

/** Kafka's own topics ask for three nodes by default; on one node groups and transactions would wait for ever. */
function replication(nodes: number): Record<string, string> {
  const replicas = String(Math.min(nodes, MOST_REPLICAS));
  // One of three may be away.
  const inSync = nodes < MOST_REPLICAS ? "1" : "2";
  return {
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
  };
}

/** Lets a successor work within seconds after a consumer, a producer or the broker itself was killed. */
const TAKEOVER: Record<string, string> = {
  "group.initial.rebalance.delay.ms": "0",
  "group.min.session.timeout.ms": "1000",
  "group.consumer.session.timeout.ms": "6000",
  "group.consumer.min.session.timeout.ms": "1000",
  "group.consumer.heartbeat.interval.ms": "1000",
  "group.consumer.min.heartbeat.interval.ms": "200",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
  "broker.heartbeat.interval.ms": "250",
  // A broker that was killed is let in again only when its earlier life is known to be over. One that merely stalls on a busy machine
  // is not to be dropped for it: with 1.5 s that happened at a load of 40, and the groups hung after it.
  "broker.session.timeout.ms": "3000",
};

const SIZES: Record<string, string> = {
  "message.max.bytes": String(MAX_MESSAGE_BYTES),
  "replica.fetch.max.bytes": String(MAX_MESSAGE_BYTES),
  // 128 MiB of heap by default.
  "log.cleaner.dedupe.buffer.size": String(16 * 1024 * 1024),
};

/** Kafka's log: what somebody must know, in a file that does not grow without bound. */
export function kafkaLogging(file: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <RollingFile name="file" fileName="${file}" filePattern="${file}.%i">
      <PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
    <Console name="console" target="SYSTEM_OUT">
      <ThresholdFilter level="error"/>
      <PatternLayout pattern="%p %m%n"/>
    </Console>
  </Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="file"/><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
`;
}
