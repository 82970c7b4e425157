import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The version of Kafka that is embedded; docker-compose.yml names its image. Not 4.3 or 4.4: there a transaction whose partition
 * has no leader for a moment is completed without its markers, and its readers wait for ever (ARCHITECTURE.md, Decisions).
 */
export const KAFKA_VERSION = "4.2.2";

/** Where what is expensive to get is kept for all clones: `SLUICE_CACHE`, else `$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env["SLUICE_CACHE"];
  if (own !== undefined && own !== "") return resolve(own);
  const shared = env["XDG_CACHE_HOME"];
  return join(shared === undefined || shared === "" ? join(homedir(), ".cache") : resolve(shared), "sluice");
}

/** The folder of the Kafka broker's jars. */
export function kafkaJarFolder(): string {
  return join(cacheFolder(), `kafka-${KAFKA_VERSION}`);
}
