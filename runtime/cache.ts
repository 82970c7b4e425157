import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The version of Kafka that is embedded; docker-compose.yml names its image. */
export const KAFKA_VERSION = "4.4.0";

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
