import { setTimeout as sleep } from "node:timers/promises";
import { ServiceFailed } from "./errors.ts";
import { isUsed } from "./lease.ts";
import { type Death, removeNotice, servicesIn, writeNotice } from "./notice.ts";
import { takeOwnership } from "./ownership.ts";

/** A server that runs: its address, when it is given up, and how to stop it. */
export interface KeptServer {
  readonly address: string;
  /** Resolves when it stays down although nobody stopped it; never rejects. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

/** What a keeper keeps. */
export interface KeepPlan {
  readonly name: string;
  readonly home: string;
  start(onDeath: (death: Death) => void): Promise<KeptServer>;
}

/** How often a keeper looks whether anybody uses its service. */
const LOOK_MS = 100;

/**
 * Runs a service of a home for all of its processes, and ends with the last of them: so none of them ends it under another one.
 * Returns at once where another keeper runs it.
 */
export async function keepService(plan: KeepPlan): Promise<void> {
  const folder = servicesIn(plan.home);
  const ownership = takeOwnership(folder, plan.name);
  if (ownership.kind === "held") return;
  try {
    // Who wanted it may be gone by now.
    if (isUsed(folder, plan.name)) await serve(plan, folder, ownership.token);
  } catch (error) {
    if (!(error instanceof ServiceFailed)) throw error;
    const { service, reason } = error;
    const { token } = ownership;
    writeNotice(folder, plan.name, { token, keeper: process.pid, kind: "down", service, reason });
  } finally {
    ownership.release();
  }
}

async function serve(plan: KeepPlan, folder: string, token: string): Promise<void> {
  const deaths: Death[] = [];
  let address: string | undefined;
  const tell = () => {
    if (address === undefined) return;
    writeNotice(folder, plan.name, { token, keeper: process.pid, kind: "up", address, deaths });
  };
  const server = await plan.start((death) => {
    deaths.push(death);
    // On a full disk nothing can be told, and the server is to be started again all the same.
    try {
      tell();
    } catch {}
  });
  ({ address } = server);
  const givenUp = new AbortController();
  void server.failed.then((reason) => givenUp.abort(reason));
  try {
    do {
      tell();
      while (isUsed(folder, plan.name)) {
        givenUp.signal.throwIfAborted();
        await sleep(LOOK_MS);
      }
      // Who takes a lease after this finds no address, and waits for the next keeper; who took one before is found here.
      removeNotice(folder, plan.name);
    } while (isUsed(folder, plan.name));
  } finally {
    removeNotice(folder, plan.name);
    await server.stop();
  }
}
