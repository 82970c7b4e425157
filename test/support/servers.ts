import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startKafka } from "../../runtime/services/kafka.ts";
import { startPostgres } from "../../runtime/services/postgres.ts";
import { readPid } from "../../runtime/services/tether.ts";
import { clusterSeats } from "../services.ts";

/** A server that can be struck, and comes back on its data at the same address. */
export interface Server {
  readonly address: string;
  /** By `kill -9`; it is started again once `meanwhile` has ended. Resolves when it answers. */
  kill(meanwhile: () => Promise<unknown>): Promise<void>;
  freeze(frozenMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server and says where it answers. */
type Start = () => Promise<{ readonly address: string; stop(): Promise<void> }>;

/** Starts the brokers of a cluster by their ids (1, 2, …), each in a folder of its own below `home`; a single one is a cluster of one. */
export async function startBrokers(home: string, count: number): Promise<readonly Server[]> {
  const seats = count === 1 ? [undefined] : await clusterSeats(count);
  return Promise.all(
    seats.map((seat, index) => {
      const folder = join(home, `broker-${index + 1}`);
      mkdirSync(folder, { recursive: true });
      return startServer(join(folder, "kafka", "server.pid"), async () => {
        const { brokers, stop } = await startKafka({ home: folder, ...(seat && { seat }) });
        return { address: brokers, stop };
      });
    }),
  );
}

/** Starts Postgres below `home`. */
export function startDatabase(home: string): Promise<Server> {
  return startServer(join(home, "postgres", "server.pid"), async () => {
    const { url, stop } = await startPostgres({ home });
    return { address: url, stop };
  });
}

async function startServer(pidFile: string, start: Start): Promise<Server> {
  let running = await start();
  const { address } = running;
  return {
    address,
    kill: async (meanwhile) => {
      signal(pidFile, "SIGKILL");
      // Told at once, its guard does not start it again by itself.
      await running.stop();
      await meanwhile();
      running = await start();
    },
    freeze: async (frozenMs) => {
      signal(pidFile, "SIGSTOP");
      await sleep(frozenMs);
      signal(pidFile, "SIGCONT");
    },
    stop: () => running.stop(),
  };
}

function signal(pidFile: string, name: NodeJS.Signals): void {
  const pid = readPid(pidFile);
  if (pid === undefined) throw new Error(`no process in ${pidFile}`);
  process.kill(pid, name);
}
