import type { Logger } from "pino";
import type { KafkaSecurity } from "../../stream/kafka/security.ts";
import type { Environment } from "../environment.ts";
import type { ServiceFailed } from "./errors.ts";
import { kafkaLogin } from "./password.ts";
import { type SharedService, shareService } from "./shared.ts";

/** Kafka and Postgres as a verb uses them. */
export interface Services {
  readonly brokers: string;
  /** How to log in to `brokers`. */
  readonly kafkaSecurity: KafkaSecurity;
  readonly databaseUrl: string;
  /** Resolves when an embedded one stays down; never rejects. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

/** What a verb needs; what it does not need is not started, and its address is empty. */
export type Needs = ReadonlySet<"kafka" | "postgres">;

/**
 * Kafka and Postgres as the environment names them; for one that it does not name, the home's embedded one, until `stop`.
 * Throws `ServiceFailed`.
 */
export async function openServices(env: Environment, needs: Needs, log: Logger): Promise<Services> {
  const { home, kafkaBrokers, databaseUrl } = env;
  const ours = needs.has("kafka") && kafkaBrokers === undefined;
  const kafka = ours ? shareService({ name: "kafka", home, log }) : named(kafkaBrokers);
  const postgres =
    needs.has("postgres") && databaseUrl === undefined
      ? shareService({ name: "postgres", home, log })
      : named(databaseUrl);
  const opened = await Promise.allSettled([kafka, postgres]);
  const stop = () => stopAll(opened);
  const refused = opened.find((one) => one.status === "rejected");
  if (refused !== undefined) {
    await stop();
    throw refused.reason;
  }
  const [broker, database] = [await kafka, await postgres];
  const failed = Promise.race([broker.failed, database.failed]);
  const kafkaSecurity = ours ? { sasl: kafkaLogin(home) } : env.kafkaSecurity;
  return { brokers: broker.address, kafkaSecurity, databaseUrl: database.address, failed, stop };
}

async function stopAll(opened: readonly PromiseSettledResult<SharedService>[]): Promise<void> {
  await Promise.all(opened.map((one) => (one.status === "fulfilled" ? one.value.stop() : undefined)));
}

/** Somebody else's: how it fares is for its clients to find out. */
async function named(address: string | undefined): Promise<SharedService> {
  return { address: address ?? "", failed: new Promise(() => undefined), stop: async () => undefined };
}
