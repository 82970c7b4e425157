import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { ServiceFailed } from "./errors.ts";
import { takeOwnership } from "./ownership.ts";

/** A service that runs: its address, when it is given up, and how to stop it. */
export interface Started {
  readonly address: string;
  /** Resolves when it stays down, or can't be reached there any more, although nobody stopped it; never rejects. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

/** A service that one process of a home runs for all of them. */
export interface SharedPlan {
  readonly name: "kafka" | "postgres";
  readonly home: string;
  readonly log: Logger;
  start(): Promise<Started>;
}

/** How long an owner may take until its service answers. */
const OWNER_PATIENCE_MS = 100_000;
const OWNER_POLL_MS = 200;
/** How often a borrower looks whether the owner still lives. */
const WATCH_EVERY_MS = 500;

/**
 * The home's service: started here, or the one that another living process of this home runs.
 * When that one ends while we still need it, we run it ourselves on its data and, unless somebody took it meanwhile, its port.
 */
export async function shareService(plan: SharedPlan): Promise<Started> {
  const found = await ownOrBorrow(plan);
  return found.kind === "ours" ? found.service : borrowed(plan, found.address);
}

type Found =
  | { readonly kind: "ours"; readonly service: Started }
  | { readonly kind: "borrowed"; readonly address: string };

async function ownOrBorrow(plan: SharedPlan): Promise<Found> {
  const folder = join(plan.home, "services");
  for (let waitedMs = 0; waitedMs < OWNER_PATIENCE_MS; waitedMs += OWNER_POLL_MS) {
    const ownership = takeOwnership(folder, plan.name);
    if (ownership.kind === "ours") return { kind: "ours", service: await startAs(plan, folder, ownership) };
    const address = readAddress(addressFile(folder, plan.name), ownership.token);
    if (address !== undefined) return { kind: "borrowed", address };
    await sleep(OWNER_POLL_MS);
  }
  throw new ServiceFailed(plan.name, `another process of ${plan.home} owns it, but it does not answer`);
}

async function startAs(
  plan: SharedPlan,
  folder: string,
  ownership: { readonly token: string; release(): void },
): Promise<Started> {
  try {
    const { address, failed, stop } = await plan.start();
    writeAddress(addressFile(folder, plan.name), { token: ownership.token, address });
    return { address, failed, stop: () => stop().finally(() => ownership.release()) };
  } catch (error) {
    ownership.release();
    throw error;
  }
}

/** Borrows `address`, and takes the service over when its owner is gone. */
function borrowed(plan: SharedPlan, address: string): Started {
  const ended = new AbortController();
  let ours: Started | undefined;
  /** Ends when the service is ours, or out of reach: then with the reason. */
  const watch = async (): Promise<ServiceFailed | undefined> => {
    while (ours === undefined) {
      await sleep(WATCH_EVERY_MS, undefined, { signal: ended.signal, ref: false });
      const found = await ownOrBorrow(plan);
      if (found.kind === "ours") ours = found.service;
      const now = found.kind === "ours" ? found.service.address : found.address;
      if (now !== address)
        return new ServiceFailed(plan.name, "moved with its owner: start this process again");
    }
    return undefined;
  };
  const watched = watch().catch((reason: ServiceFailed) => reason);
  const failed = watched.then((reason) => (ended.signal.aborted ? NEVER : (reason ?? ours?.failed ?? NEVER)));
  return {
    address,
    failed,
    stop: async () => {
      ended.abort();
      await watched;
      await ours?.stop();
    },
  };
}

const NEVER: Promise<never> = new Promise(() => undefined);

function addressFile(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}

/** Replaces the file as a whole; closed to others, since an address may hold a password. */
function writeAddress(file: string, entry: { readonly token: string; readonly address: string }): void {
  writeFileSync(`${file}.new`, JSON.stringify(entry), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The address that this very owner wrote. */
function readAddress(file: string, token: string): string | undefined {
  try {
    const entry = JSON.parse(readFileSync(file, "utf8")) as { token: string; address: string };
    return entry.token === token ? entry.address : undefined;
  } catch {
    return undefined;
  }
}
