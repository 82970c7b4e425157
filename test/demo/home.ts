import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { ChainName } from "../../stream/block.ts";
import { regtestLabels } from "../chain/bitcoin/labels.ts";
import { removeHome } from "../services.ts";
import { CHAINS, PLAN } from "./plan.ts";

/** Where a demo keeps everything: made afresh by each. */
export interface Home {
  readonly folder: string;
  readonly config: string;
  /** What all its processes complain of. */
  readonly log: { readonly path: string; readonly fd: number };
  readonly feed: string;
}

/** Another demo is alive in the same folder. */
export class DemoRunning extends Error {
  override readonly name = "DemoRunning";
  constructor(pid: number) {
    super(`another demo is running here (process ${pid}): end it first`);
  }
}

/** Makes the demo's home in the working folder, and removes the one of the demo before. Throws `DemoRunning`. */
export function freshHome(): Home {
  const folder = resolve(".sluice", "demo");
  const pidFile = join(folder, "demo.pid");
  const before = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : undefined;
  if (before !== undefined && isAlive(before)) throw new DemoRunning(before);
  removeHome(folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(pidFile, String(process.pid));
  const labels = join(folder, "exchange_addresses.csv");
  writeFileSync(labels, regtestLabels());
  const config = join(folder, "sluice.json");
  writeFileSync(config, `${JSON.stringify(configuration(labels), null, 2)}\n`);
  const path = join(folder, "demo.log");
  return { folder, config, log: { path, fd: openSync(path, "a") }, feed: join(folder, "feed") };
}

/** Variables that name the caller's own services and nodes, and how to log in to them. */
const CALLERS_OWN = /^(KAFKA_.*|DATABASE_URL|SLUICE_METRICS_.*|(ETHEREUM|BITCOIN)_(RPC|REST)_.*)$/;

/** The environment of a `sluice` in the demo's home: nothing of the caller's own set-up. */
export function environmentOf(home: Home, nodeUrls: ReadonlyMap<ChainName, string>): NodeJS.ProcessEnv {
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !CALLERS_OWN.test(name)));
  const nodes = [...nodeUrls].map(([chain, url]) => [`${chain.toUpperCase()}_RPC_URL`, url]);
  return {
    ...rest,
    SLUICE_HOME: home.folder,
    SLUICE_CONFIG: home.config,
    ...(Object.fromEntries(nodes) as Record<string, string>),
  };
}

/** The feeds of the days that the demo completes. */
export function csvsOf(home: Home): readonly string[] {
  return PLAN.days.map((day) => join(home.feed, `exchange-flows-${day}.csv`));
}

/** The path as a person in the working folder would type it. */
export function shown(path: string): string {
  return relative(process.cwd(), path);
}

function configuration(labels: string): unknown {
  const chains = CHAINS.map(({ name, start, config }) => [
    name,
    { ...config, start, finality: { confirmations: PLAN.confirmations }, pollMs: 50 },
  ]);
  return {
    chains: Object.fromEntries(chains) as unknown,
    labels: [labels],
    assets: [resolve("sql/seeds/assets.csv")],
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
