import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, KAFKA_VERSION, kafkaJarFolder } from "../cache.ts";
import { ServiceFailed } from "./errors.ts";

/**
 * For a broker that lives beside its clients on a small machine: the quick compiler only (a broker moves bytes),
 * no file of counters, and no large buffers kept by each thread.
 */
const FLAGS = [
  "-Xmx512m",
  "-XX:+UseG1GC",
  "-XX:TieredStopAtLevel=1",
  "-XX:-UsePerfData",
  "-Djava.awt.headless=true",
  "-Djdk.nio.maxCachedBufferSize=1048576",
];

/** The `java` that runs the broker: of `JAVA_HOME` where it is set, else the one on the path. */
export function javaCommand(env: NodeJS.ProcessEnv = process.env): string {
  const home = env["JAVA_HOME"];
  return home === undefined || home === "" ? "java" : join(home, "bin", "java");
}

/** The command line of a class of Kafka. `flags` stand before the class path. */
export function kafkaCommand(flags: readonly string[], mainClass: string, args: readonly string[]): string[] {
  return [javaCommand(), ...FLAGS, ...flags, "-cp", classPath(), mainClass, ...args];
}

/** The flags that make the JVM start from its class-data archive, where there is one. */
export function archiveFlags(): readonly string[] {
  const archive = archivePath();
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, "-Xshare:auto"] : [];
}

/** The broker's class-data archive; a JVM that did not write it passes over it. */
export function archivePath(): string {
  return join(cacheFolder(), `kafka-${KAFKA_VERSION}.jsa`);
}

/** All jars, sorted: an archive holds for one class path in one order. */
function classPath(): string {
  const folder = kafkaJarFolder();
  const jars = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".jar")) : [];
  if (jars.length === 0)
    throw new ServiceFailed("Kafka", `no jars in ${folder}; run make setup, or set KAFKA_BROKERS`);
  return jars
    .sort()
    .map((jar) => join(folder, jar))
    .join(":");
}
