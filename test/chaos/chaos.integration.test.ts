import { afterAll, expect, test } from "vitest";
import { removeHome, temporaryHome } from "../services.ts";
import { type ChaosReport, runChaos } from "./run.ts";

/** Any seed must do for one broker: set another one by CHAOS_SEED. */
const SEED = Number(process.env["CHAOS_SEED"] ?? 11);
/** Its first eight kills are of two brokers at once, of single ones, and of stages. */
const CLUSTER_SEED = 49;
/** A minute or two of each on a quiet machine; then all that is left is compared with a quiet run. */
const TEST_MS = 400_000;

const homes: string[] = [];
afterAll(() => homes.forEach(removeHome));

test(
  "two copies of each stage, the broker and Postgres killed and frozen while both chains fork: nothing lost, nothing doubled",
  async () => {
    const report = await fight({ seed: SEED, kills: 16, brokers: 1 });
    expect(report.takeovers.length).toBeGreaterThan(0);
    expect(report.reorgs).toBeGreaterThan(10);
    expect(report.legs).toBeGreaterThan(1000);
  },
  TEST_MS,
);

test(
  "brokers of a cluster killed one after the other: nothing lost; two of three: nothing written until one is back",
  async () => {
    const report = await fight({ seed: CLUSTER_SEED, kills: 8, brokers: 3 });
    expect(report.twoBrokers).toBe(1);
    expect(report.reorgs).toBeGreaterThan(5);
    expect(report.legs).toBeGreaterThan(500);
  },
  TEST_MS,
);

async function fight(options: {
  readonly seed: number;
  readonly kills: number;
  readonly brokers: 1 | 3;
}): Promise<ChaosReport> {
  const told: string[] = [];
  const home = temporaryHome("chaos");
  homes.push(home);
  const report = await runChaos({ ...options, home, say: (line) => told.push(line) });
  expect(report.findings, told.join("\n")).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(options.kills);
  return report;
}
