import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceFailed } from "./errors.ts";
import type { Death } from "./notice.ts";
import type { TetheredServer } from "./tether.ts";

/** How an embedded server is brought up. */
export interface ServicePlan {
  readonly name: string;
  /** Starts the server on its data. */
  launch(): TetheredServer;
  /** Asks the server once whether it works; rejects when it does not (yet). */
  probe(): Promise<void>;
  /** The file that says why a start failed. */
  readonly output: string;
  /** A failed start whose output has this is only too early: the dead server's last helpers still hold its memory. */
  readonly passing?: RegExp;
  /** A server whose output has this serves no more until its next start, which it gets. */
  readonly hanging?: RegExp;
  /** Told of each death after which it is started again. */
  readonly onDeath: ((death: Death) => void) | undefined;
}

/** Until a server answers; a busy machine with two cores and a recovery of its log needs a part of it. */
const START_PATIENCE_MS = 90_000;
const PROBE_EVERY_MS = 40;
const RETRY_AFTER_MS = 500;
/** How often the output of a server that is up is looked at. */
const LOOK_EVERY_MS = 1000;
/** Kafka maps an index of this size for the segment that it writes (log.index.size.max.bytes), Postgres makes WAL files of 16 MiB. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;
/** Restarts in a row, none of them followed by a quiet minute, after which a server is left down. */
const RESTART_LIMIT = 10;
const QUIET_MS = 60_000;

/** A server that is up, and is started again on its data when it dies. */
export interface RunningService {
  /** Resolves when it stays down although nobody stopped it; never rejects. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

/** Brings the server up and keeps it up until `stop`. Throws `ServiceFailed` when the first start fails. */
export async function runService(plan: ServicePlan): Promise<RunningService> {
  let server = await bringUp(plan, () => false);
  let stopped = false;
  let fail: (reason: ServiceFailed) => void = () => undefined;
  const failed = new Promise<ServiceFailed>((resolve) => {
    fail = resolve;
  });
  const guard = (async () => {
    for (let restarts = 0; restarts < RESTART_LIMIT; restarts++) {
      const upAt = performance.now();
      const code = await endOf(plan, server);
      if (stopped) return;
      if (performance.now() - upAt > QUIET_MS) restarts = 0;
      plan.onDeath?.({ service: plan.name, code });
      server = await bringUp(plan, () => stopped);
      // Asked to stop meanwhile: the new server is stopped by who asked, once we are gone.
      if (stopped) return;
    }
    throw new ServiceFailed(plan.name, `died ${RESTART_LIMIT} times in a row; see ${plan.output}`);
  })().catch((error: ServiceFailed) => {
    if (!stopped) fail(error);
  });
  return {
    failed,
    stop: async () => {
      stopped = true;
      await server.stop();
      await guard;
      await server.stop();
    },
  };
}

/** Resolves with the server's exit code; stops it where it says that it hangs. */
async function endOf(plan: ServicePlan, server: TetheredServer): Promise<number> {
  const looking = setInterval(() => {
    if (plan.hanging?.test(outputOf(plan)) === true) void server.stop();
  }, LOOK_EVERY_MS);
  try {
    return await server.ended;
  } finally {
    clearInterval(looking);
  }
}

async function bringUp(plan: ServicePlan, stopped: () => boolean): Promise<TetheredServer> {
  const deadline = performance.now() + START_PATIENCE_MS;
  while (performance.now() < deadline && !stopped()) {
    const server = plan.launch();
    if (await answers(plan, server, deadline)) return server;
    await server.stop();
    if (plan.passing?.test(outputOf(plan)) !== true) break;
    await sleep(RETRY_AFTER_MS);
  }
  const tail = outputOf(plan).trimEnd().split("\n").slice(-8).join("\n  ");
  throw new ServiceFailed(
    plan.name,
    `did not start${fullDiskOf(plan.output)}; the end of ${plan.output}:\n  ${tail}`,
  );
}

/** What there is to say of a full disk, on which a server can't even write down why it died; else nothing. */
export function fullDiskOf(output: string): string {
  const folder = dirname(output);
  if (!existsSync(folder)) return "";
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= LEAST_FREE_BYTES) return "";
  return ` (its disk is full: ${Math.floor(free / 1024)} KiB are free; make room there, then start again)`;
}

/** Whether the server answered before it ended or the deadline passed. */
async function answers(plan: ServicePlan, server: TetheredServer, deadline: number): Promise<boolean> {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  while (!ended && performance.now() < deadline) {
    try {
      await plan.probe();
      return !ended;
    } catch {
      await sleep(PROBE_EVERY_MS);
    }
  }
  return false;
}

function outputOf(plan: ServicePlan): string {
  try {
    return readFileSync(plan.output, "utf8");
  } catch {
    return "";
  }
}
