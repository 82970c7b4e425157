import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ChainName } from "../stream/block.ts";
import type { StageEvent } from "../stream/kafka/stage.ts";

/** How long a stage may take to end after SIGTERM before it is killed: `run` itself must be gone within 10 s. */
const STOP_PATIENCE_MS = 6000;
/** Set for a stage that a supervisor started: it ends with it. */
const SUPERVISED = "SLUICE_SUPERVISED";

/**
 * Node's flags for a stage. A block's objects are megabytes that live for milliseconds: with Node's own 16 MiB many are copied
 * before they die. Ingest's threads would each take as much, and have limits of their own.
 */
export function nodeFlags([verb]: readonly string[]): readonly string[] {
  return verb === "ingest" ? [] : ["--max-semi-space-size=32"];
}

const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));

/** A stage that runs as a process of its own. `ended` resolves with its exit code (128 + n after a signal) and never rejects. */
export interface StageProcess {
  readonly pid: number | undefined;
  readonly ended: Promise<number>;
  stop(): Promise<number>;
}

/** What a stage tells its supervisor. */
export interface StageReport {
  readonly chain: ChainName;
  readonly event: StageEvent;
}

/**
 * Starts `sluice <args>` as a child that ends when we are gone: the IPC channel closes even when we are killed.
 * `onReport` gets what the child reports over it (its progress).
 */
export function startStage(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onReport: (report: StageReport) => void,
): StageProcess {
  const child = spawn(process.execPath, [...nodeFlags(args), MAIN, ...args], {
    env: { ...env, [SUPERVISED]: "1" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // A Ctrl-C of the terminal is for the supervisor alone, who then stops all stages in order.
    detached: true,
  });
  child.on("message", (message) => onReport(message as StageReport));
  const ended = endOf(child);
  return { pid: child.pid, ended, stop: () => stop(child, ended) };
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
  });
}

async function stop(child: ChildProcess, ended: Promise<number>): Promise<number> {
  child.kill("SIGTERM");
  const patience = new AbortController();
  const late = sleep(STOP_PATIENCE_MS, undefined, { signal: patience.signal }).then(
    () => child.kill("SIGKILL"),
    () => false,
  );
  const code = await ended;
  patience.abort();
  await late;
  return code;
}

/** Whether a supervisor started this process. */
export function isSupervised(): boolean {
  return process.env[SUPERVISED] === "1";
}

/** Calls `gone` when this process was started by a supervisor and that one is gone. */
export function whenSupervisorGone(gone: () => void): void {
  if (!isSupervised()) return;
  process.once("disconnect", gone);
  if (!process.connected) gone();
  // The channel alone must not keep a finished stage alive.
  process.channel?.unref();
}

/** Tells the supervisor, where there is one. */
export function reportToSupervisor(report: StageReport): void {
  if (!process.connected) return;
  process.send?.(report, undefined, undefined, () => undefined);
}
