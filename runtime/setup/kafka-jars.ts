import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { KAFKA_VERSION, kafkaJarFolder } from "../cache.ts";
import { runCommand, tail } from "./command.ts";
import { SetupFailed } from "./failed.ts";

const POM = "runtime/services/broker.pom.xml";
/** Without a version Maven takes one of 2013; this one runs on every Maven since 3.2.5. */
const GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/** Gets the broker's jars by Maven into the cache. Throws `SetupFailed`. */
export function ensureKafkaJars(say: (text: string) => void): void {
  const folder = kafkaJarFolder();
  if (existsSync(folder)) return;
  say(`getting the jars of Kafka ${KAFKA_VERSION} by Maven`);
  mkdirSync(dirname(folder), { recursive: true });
  const staging = mkdtempSync(`${folder}.`);
  const settings = [`-Dkafka.version=${KAFKA_VERSION}`, `-DoutputDirectory=${staging}`];
  const got = runCommand(["mvn", "-q", "-B", "-f", POM, GOAL, ...settings]);
  if (!got.ok) {
    rmSync(staging, { recursive: true });
    throw new SetupFailed(`Maven can't get the jars of Kafka:\n${tail(got.output)}`);
  }
  try {
    renameSync(staging, folder);
  } catch (error) {
    rmSync(staging, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}
