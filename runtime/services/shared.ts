import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { ServiceFailed } from "./errors.ts";
import { isUsed, takeLease } from "./lease.ts";
import { type Notice, readNotice, servicesIn } from "./notice.ts";
import { ownerOf } from "./ownership.ts";
import { fullDiskOf } from "./service.ts";

/** A home's service as one of its processes uses it. */
export interface SharedService {
  readonly address: string;
  /** Resolves when it stays down, or can't be reached there any more, although nobody stopped it; never rejects. */
  readonly failed: Promise<ServiceFailed>;
  /** Uses it no longer; where nobody else does, resolves when it is down. */
  stop(): Promise<void>;
}

/** A service of a home. `keeper` is the command that keeps it. */
export interface SharedPlan {
  readonly name: "kafka" | "postgres";
  readonly home: string;
  readonly log: Logger;
  readonly keeper?: readonly string[];
}

/** A Sluice without keepers left another kind of word: it ends the service with itself, whoever else uses it. */
const OTHER_VERSION =
  "another version of Sluice runs it in this home; stop that one's `sluice run`, and start this process again";

/** How long a keeper may take until its service answers: longer than a start that fails. */
const START_PATIENCE_MS = 100_000;
/** How long one may take to stop its server: longer than a server has until it is killed. */
const STOP_PATIENCE_MS = 20_000;
const POLL_MS = 50;
/** How often a process looks whether the keeper still lives. */
const WATCH_EVERY_MS = 500;

/**
 * The home's service. A process of its own keeps it, started by the first that wants it, for as long as any process of the home
 * uses it: none ends it under another one. Where the keeper was killed, another one begins on its data and, unless somebody took
 * it meanwhile, its port. Throws `ServiceFailed`.
 */
export async function shareService(plan: SharedPlan): Promise<SharedService> {
  const folder = servicesIn(plan.home);
  const lease = takeLease(folder, plan.name);
  const ended = new AbortController();
  try {
    const up = await reach(plan, ended.signal);
    const watching = watch(plan, up, ended.signal).catch((reason: ServiceFailed) => reason);
    const failed = watching.then((reason) => (ended.signal.aborted ? NEVER : reason));
    const stop = async () => {
      ended.abort();
      await watching;
      lease.release();
      await whenDown(folder, plan.name);
    };
    return { address: up.address, failed, stop };
  } catch (error) {
    lease.release();
    throw error;
  }
}

type Up = Notice & { readonly kind: "up" };

/** Waits for a keeper's word that the service is up; starts one where none is. */
async function reach(plan: SharedPlan, signal: AbortSignal): Promise<Up> {
  const folder = servicesIn(plan.home);
  let keeper: ChildProcess | undefined;
  for (let waitedMs = 0; waitedMs < START_PATIENCE_MS; waitedMs += POLL_MS) {
    const owner = ownerOf(folder, plan.name);
    const notice = readNotice(folder, plan.name);
    if (owner !== undefined && notice?.token === owner) {
      if (notice.kind === "up") return notice;
      if (notice.kind !== "down") throw new ServiceFailed(plan.name, OTHER_VERSION);
    }
    if (keeper !== undefined && isOver(keeper)) {
      refuseFailed(plan, keeper, notice);
      keeper = undefined;
    }
    if (owner === undefined) keeper ??= startKeeper(plan);
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new ServiceFailed(plan.name, `its keeper does not say that it answers; see ${outputOf(plan)}`);
}

function isOver({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** A keeper that ends in order found that another one was faster; one that was killed has its next. */
function refuseFailed(plan: SharedPlan, { pid, exitCode }: ChildProcess, notice: Notice | undefined): void {
  if (notice?.kind === "down" && notice.keeper === pid) throw failureOf(notice);
  if (pid === undefined) throw new ServiceFailed(plan.name, "its keeper could not be started");
  if (exitCode === 0 || exitCode === null) return;
  const output = outputOf(plan);
  throw new ServiceFailed(
    plan.name,
    `its keeper ended with code ${exitCode}${fullDiskOf(output)}; see ${output}`,
  );
}

/** It lives on when we end: others may use the service by then. A Ctrl-C in our terminal is not meant for it. */
function startKeeper(plan: SharedPlan): ChildProcess {
  const [command = "", ...args] = plan.keeper ?? [
    process.execPath,
    fileURLToPath(import.meta.resolve("#keeper")),
  ];
  const output = openSync(outputOf(plan), "a", 0o600);
  const keeper = spawn(command, [...args, plan.name, resolve(plan.home)], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  keeper.on("error", () => undefined);
  keeper.unref();
  return keeper;
}

function outputOf({ home, name }: SharedPlan): string {
  return join(servicesIn(home), `${name}.keeper.txt`);
}

function failureOf({ service, reason }: Notice & { readonly kind: "down" }): ServiceFailed {
  return new ServiceFailed(service, reason);
}

/** Watches the keeper until `ended` aborts; ends with the reason why the service is out of reach. */
async function watch(plan: SharedPlan, up: Up, ended: AbortSignal): Promise<ServiceFailed> {
  const folder = servicesIn(plan.home);
  let known = up;
  for (;;) {
    await sleep(WATCH_EVERY_MS, undefined, { signal: ended, ref: false });
    // In this order: a keeper that gives up says why before it lets go.
    const owner = ownerOf(folder, plan.name);
    const notice = readNotice(folder, plan.name);
    if (notice?.token === known.token) {
      if (notice.kind === "down") return failureOf(notice);
      noteDeaths(plan, known, notice);
      known = notice;
    }
    if (owner === known.token) continue;
    known = await reach(plan, ended);
    if (known.address !== up.address)
      return new ServiceFailed(plan.name, "it answers at another port now: start this process again");
  }
}

function noteDeaths({ log }: SharedPlan, before: Up, now: Up): void {
  for (const death of now.deaths.slice(before.deaths.length))
    log.warn(death, "embedded server died: restarting it on its data");
}

/** Whoever leaves last leaves nothing running. */
async function whenDown(folder: string, service: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < STOP_PATIENCE_MS; waitedMs += POLL_MS) {
    if (isUsed(folder, service) || ownerOf(folder, service) === undefined) return;
    await sleep(POLL_MS);
  }
}

const NEVER: Promise<never> = new Promise(() => undefined);
