import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClusterSeat, type KafkaService, newClusterId, startKafka } from "../runtime/services/kafka.ts";
import type { NodePorts } from "../runtime/services/kafka-properties.ts";
import { freePort } from "../runtime/services/port.ts";
import { type PostgresService, startPostgres } from "../runtime/services/postgres.ts";

/** A real Kafka broker on a fresh folder, which `stop` removes. */
export async function testKafka(): Promise<KafkaService> {
  const home = temporaryHome("kafka");
  const kafka = await startKafka({ home });
  return { ...kafka, stop: () => kafka.stop().then(() => removeHome(home)) };
}

/** Places in a new cluster of `count` nodes, on ports that are free now. */
export async function clusterSeats(count: number): Promise<readonly ClusterSeat[]> {
  const clusterId = newClusterId();
  const nodes: NodePorts[] = [];
  for (let id = 1; id <= count; id += 1)
    nodes.push({ brokerPort: await freePort("Kafka"), controllerPort: await freePort("Kafka") });
  return nodes.map((_, index) => ({ clusterId, id: index + 1, nodes }));
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
