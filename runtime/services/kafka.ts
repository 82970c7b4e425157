import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ServiceFailed } from "./errors.ts";
import { archiveFlags, kafkaCommand } from "./jvm.ts";
import { probeKafka } from "./kafka-probe.ts";
import { type KafkaLogin, kafkaLogging, kafkaProperties, type NodePorts } from "./kafka-properties.ts";
import type { Death } from "./notice.ts";
import { freePort } from "./port.ts";
import { runService } from "./service.ts";
import { endOrphan, startTethered } from "./tether.ts";

/** An embedded Kafka broker that answers; `brokers` is what a client bootstraps from. */
export interface KafkaService {
  readonly brokers: string;
  /** Resolves when it stays down although nobody stopped it. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

/** A node's place in a cluster of several: its id is its place in `nodes`, counted from 1. */
export interface ClusterSeat {
  readonly clusterId: string;
  readonly id: number;
  readonly nodes: readonly NodePorts[];
}

/** Where the broker lives, and how to see it. `jvmFlags` replace the ones of the class-data archive. */
export interface KafkaOptions {
  readonly home: string;
  /** Default: a cluster of its own. It answers once most of its cluster's nodes are up. */
  readonly seat?: ClusterSeat;
  /** Default: whoever reaches its port on loopback may use it. */
  readonly login?: KafkaLogin;
  /** Told of each death after which it is started again. */
  readonly onDeath?: (death: Death) => void;
  readonly jvmFlags?: readonly string[];
}

/** What a broker says (`CoordinatorRuntime`) whose groups of one coordinator mostly hang until its next start: seen under load, after a kill. */
const LOST_GROUPS = /state machine of the coordinator .* is out of sync with the underlying log/;

/**
 * Starts Apache Kafka (one KRaft node) as a child process on the data in `<home>/kafka`, and keeps it up until `stop`.
 * It ends with this process, however that ends. Throws `ServiceFailed`.
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaService> {
  const files = filesIn(join(resolve(options.home), "kafka"));
  mkdirSync(files.data, { recursive: true });
  await endOrphan(files.pid, files.properties);
  const port = await writeProperties(files, options);
  const flags = [...(options.jvmFlags ?? archiveFlags()), `-Dlog4j2.configurationFile=${files.logging}`];
  if (!existsSync(join(files.data, "meta.properties")))
    await format(files, flags, options.seat?.clusterId ?? newClusterId());
  const service = await runService({
    name: "Kafka",
    onDeath: options.onDeath,
    output: files.output,
    hanging: LOST_GROUPS,
    probe: () => probeKafka(port, options.login),
    launch: () =>
      startTethered({
        command: kafkaCommand(flags, "kafka.Kafka", [files.properties]),
        stopSignal: "TERM",
        pidFile: files.pid,
        output: files.output,
        user: undefined,
        env: process.env,
      }),
  });
  return { brokers: `127.0.0.1:${port}`, ...service };
}

interface KafkaFiles {
  readonly data: string;
  readonly properties: string;
  readonly logging: string;
  readonly log: string;
  readonly output: string;
  readonly pid: string;
}

function filesIn(folder: string): KafkaFiles {
  return {
    data: join(folder, "data"),
    properties: join(folder, "server.properties"),
    logging: join(folder, "log4j2.xml"),
    log: join(folder, "server.log"),
    output: join(folder, "output.txt"),
    pid: join(folder, "server.pid"),
  };
}

/** Writes the broker's files for ports that are free now, the ones of its last run where they still are. Returns its port. */
async function writeProperties(files: KafkaFiles, { seat, login }: KafkaOptions): Promise<number> {
  const ports = seat?.nodes[seat.id - 1] ?? (await freePorts(lastPorts(files.properties)));
  const place = { ...ports, dataFolder: files.data, ...(seat && { seat }), ...(login && { login }) };
  // It may hold a password: closed to others, also where it was made before.
  rmSync(files.properties, { force: true });
  writeFileSync(files.properties, kafkaProperties(place), { mode: 0o600 });
  writeFileSync(files.logging, kafkaLogging(files.log));
  return ports.brokerPort;
}

async function freePorts([broker, controller]: readonly (number | undefined)[]): Promise<NodePorts> {
  const brokerPort = await freePort("Kafka", broker);
  return { brokerPort, controllerPort: await freePort("Kafka", controller) };
}

function lastPorts(properties: string): readonly (number | undefined)[] {
  if (!existsSync(properties)) return [];
  const listeners = /^listeners=BROKER:\/\/127\.0\.0\.1:(\d+),CONTROLLER:\/\/127\.0\.0\.1:(\d+)$/m;
  const found = listeners.exec(readFileSync(properties, "utf8"));
  return found === null ? [] : [Number(found[1]), Number(found[2])];
}

async function format(files: KafkaFiles, flags: readonly string[], clusterId: string): Promise<void> {
  const [java = "java", ...args] = kafkaCommand(flags, "kafka.tools.StorageTool", [
    "format",
    "-t",
    clusterId,
    "-c",
    files.properties,
  ]);
  try {
    await promisify(execFile)(java, args);
  } catch (cause) {
    const { stdout, stderr, message } = cause as { stdout?: string; stderr?: string; message: string };
    const reason = `${stdout ?? ""}${stderr ?? ""}`.trim();
    throw new ServiceFailed(
      "Kafka",
      `its data folder could not be made: ${reason === "" ? message : reason}`,
      { cause },
    );
  }
}

/** 16 random bytes in URL-safe base64, as Kafka makes them; its tools take one that begins with "-" for an option. */
export function newClusterId(): string {
  const id = randomBytes(16).toString("base64url");
  return id.startsWith("-") ? newClusterId() : id;
}
