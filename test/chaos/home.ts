import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Chains } from "./chains.ts";

/** Makes `folder` a home with a config of these chains, and returns the environment of a `sluice` in it, without services. */
export function makeHome(folder: string, chains: Chains, replication: number): Record<string, string> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "labels.csv"), chains.labels);
  const config = {
    chains: chains.config,
    kafka: { replication },
    labels: ["labels.csv"],
    assets: [resolve("sql/seeds/assets.csv")],
  };
  writeFileSync(join(folder, "sluice.json"), JSON.stringify(config));
  return {
    ...chains.environment,
    SLUICE_HOME: folder,
    SLUICE_CONFIG: join(folder, "sluice.json"),
    KAFKA_BROKERS: "",
    DATABASE_URL: "",
  };
}
