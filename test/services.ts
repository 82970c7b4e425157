import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KafkaService, startKafka } from "../runtime/services/kafka.ts";
import { type PostgresService, startPostgres } from "../runtime/services/postgres.ts";

/** A real Kafka broker on a fresh folder, which `stop` removes. */
export async function testKafka(): Promise<KafkaService> {
  const home = temporaryHome("kafka");
  const kafka = await startKafka({ home });
  return { ...kafka, stop: () => kafka.stop().then(() => removeHome(home)) };
}

/** A real Postgres server on a fresh folder, which `stop` removes. */
export async function testPostgres(): Promise<PostgresService> {
  const home = temporaryHome("postgres");
  const postgres = await startPostgres({ home });
  return { ...postgres, stop: () => postgres.stop().then(() => removeHome(home)) };
}

/** A new folder for a test's `SLUICE_HOME`, or for what it keeps beside it. */
export function temporaryHome(name: string): string {
  const home = mkdtempSync(join(tmpdir(), `sluice-${name}-`));
  // Open to pass through: Postgres, which does not run as root, must get to its data below.
  chmodSync(home, 0o711);
  return home;
}

/** Removes a home once nothing runs in it, also its database where that had to lie elsewhere, out of a folder that only root may enter. */
export function removeHome(home: string): void {
  const postgres = join(home, "postgres");
  if (existsSync(postgres)) rmSync(realpathSync(postgres), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}
