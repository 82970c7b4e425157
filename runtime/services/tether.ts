import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { commandLine } from "./process.ts";

/** How long a server may take to stop before it is killed. */
const STOP_PATIENCE_S = 15;

/**
 * Runs a server beside a `cat` on our pipe. The pipe closes when we let go of it, and also when we are killed:
 * then the server gets its stop signal, and is killed when it does not heed it. Arguments: signal, pid file, command.
 * At the end the whole process group goes, so that neither `cat` nor `sleep` stays.
 */
const TETHER = `
signal=$1; pidfile=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- & server=$!
echo $server >"$pidfile"
( cat <&3 >/dev/null; kill -s $signal $server; sleep ${STOP_PATIENCE_S}; kill -s KILL $server ) 2>/dev/null &
exec 3<&-
wait $server; status=$?
trap '' TERM
kill -s TERM 0
exit $status`;

/** A system user that a server runs as. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A server that can't outlive us. `ended` resolves with its exit code and never rejects. */
export interface TetheredServer {
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/** What to run, and how. `output` is the file that gets what the server prints. */
export interface ServerCommand {
  readonly command: readonly string[];
  readonly stopSignal: "INT" | "TERM";
  readonly pidFile: string;
  readonly output: string;
  readonly user: OsUser | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts a server in a process group of its own (a Ctrl-C in our terminal is ours alone), tied to our life. */
export function startTethered(server: ServerCommand): TetheredServer {
  const output = openSync(server.output, "w");
  const child = spawn("/bin/sh", ["-c", TETHER, "sh", server.stopSignal, server.pidFile, ...server.command], {
    cwd: "/",
    detached: true,
    env: server.env,
    stdio: ["pipe", output, output],
    ...(server.user === undefined ? {} : { uid: server.user.uid, gid: server.user.gid }),
  });
  closeSync(output);
  child.stdin?.on("error", () => undefined);
  const ended = endOf(child);
  return {
    ended,
    stop: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("exit", (code) => resolve(code ?? 137));
  });
}

/**
 * Waits until the server that a pid file names, left by an owner that is gone, has ended; kills it when it does not.
 * `mark` is a text that only our own server's command line has: another process of that id is left alone.
 */
export async function endOrphan(pidFile: string, mark: string): Promise<void> {
  const pid = readPid(pidFile);
  if (pid === undefined) return;
  const isOurs = () => commandLine(pid)?.includes(mark) === true;
  for (let waitedMs = 0; isOurs(); waitedMs += ORPHAN_POLL_MS) {
    if (waitedMs === ORPHAN_PATIENCE_MS) process.kill(pid, "SIGTERM");
    if (waitedMs >= 2 * ORPHAN_PATIENCE_MS) process.kill(pid, "SIGKILL");
    await sleep(ORPHAN_POLL_MS);
  }
}

/** Its tether may be stopping it this very moment: that is the rule, and takes about a second. */
const ORPHAN_PATIENCE_MS = 5000;
const ORPHAN_POLL_MS = 100;

/** The process id that a pid file holds. */
export function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
