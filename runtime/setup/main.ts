import { ensureClassArchive } from "./class-archive.ts";
import { SetupFailed } from "./failed.ts";
import { ensureKafkaClient } from "./kafka-client.ts";
import { ensureKafkaJars } from "./kafka-jars.ts";
import { ensurePackageScripts } from "./package-scripts.ts";
import { offerSecp256k1 } from "./secp256k1.ts";

/** The part of `make setup` that follows the build: whatever npm's packages alone don't bring. Each step does nothing when its work stands. */
async function main(): Promise<void> {
  const say = (text: string) => void process.stdout.write(`setup: ${text}\n`);
  ensurePackageScripts();
  offerSecp256k1(say);
  ensureKafkaClient(say);
  ensureKafkaJars(say);
  await ensureClassArchive(say);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}
