import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kafkaCommand } from "../../runtime/services/jvm.ts";
import { kafkaLogging, kafkaProperties } from "../../runtime/services/kafka-properties.ts";
import { freePort } from "../../runtime/services/port.ts";
import { startTethered } from "../../runtime/services/tether.ts";
import type { Authority } from "./authority.ts";

/** A broker that demands TLS and a log-in, by PLAIN or SCRAM. */
export interface SecureKafka {
  readonly brokers: string;
  stop(): Promise<void>;
}

const LISTENER = "listener.name.sasl_ssl";
const MODULE = "org.apache.kafka.common.security";

/** Starts one in `folder`; `login` is the only user besides the broker itself. */
export async function startSecureKafka(
  folder: string,
  authority: Authority,
  login: { readonly username: string; readonly password: string },
): Promise<SecureKafka> {
  const dataFolder = join(folder, "data");
  mkdirSync(dataFolder, { recursive: true });
  const [brokerPort, controllerPort] = [
    await freePort("Kafka", undefined),
    await freePort("Kafka", undefined),
  ];
  const file = join(folder, "server.properties");
  const logging = join(folder, "log4j2.xml");
  writeFileSync(logging, kafkaLogging(join(folder, "server.log")));
  const open = kafkaProperties({ brokerPort, controllerPort, dataFolder });
  writeFileSync(
    file,
    `${open.replaceAll(`BROKER://127.0.0.1:${brokerPort}`, `SASL_SSL://127.0.0.1:${brokerPort}`)}${secured(authority, login)}`,
  );
  const flags = [`-Dlog4j2.configurationFile=${logging}`];
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${login.username},password=${login.password}]`,
  ]);
  const [java = "", ...format] = kafkaCommand(flags, "kafka.tools.StorageTool", [
    "format",
    "-t",
    "AAAAAAAAAAAAAAAAAAAAAA",
    "-c",
    file,
    ...scram,
  ]);
  execFileSync(java, format, { stdio: "pipe" });
  const server = startTethered({
    command: kafkaCommand(flags, "kafka.Kafka", [file]),
    stopSignal: "TERM",
    pidFile: join(folder, "server.pid"),
    output: join(folder, "output.txt"),
    user: undefined,
    env: process.env,
  });
  while (!(await listens(brokerPort))) await sleep(200);
  return { brokers: `127.0.0.1:${brokerPort}`, stop: () => server.stop() };
}

function secured(
  { keyStore, ca }: Authority,
  { username, password }: { readonly username: string; readonly password: string },
): string {
  const settings = {
    "inter.broker.listener.name": "SASL_SSL",
    "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keyStore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": ca,
    [`${LISTENER}.plain.sasl.jaas.config`]: `${MODULE}.plain.PlainLoginModule required username="broker" password="broker-itself" user_broker="broker-itself" user_${username}="${password}";`,
    [`${LISTENER}.scram-sha-256.sasl.jaas.config`]: `${MODULE}.scram.ScramLoginModule required;`,
    [`${LISTENER}.scram-sha-512.sasl.jaas.config`]: `${MODULE}.scram.ScramLoginModule required;`,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function listens(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
    socket.once("connect", () => socket.destroy());
  });
}
