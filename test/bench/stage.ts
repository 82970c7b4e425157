import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nodeFlags, type StageReport } from "../../runtime/child.ts";
import { type Usage, usageOf } from "./machine.ts";

const SLUICE = fileURLToPath(new URL("../../runtime/main.js", import.meta.url));
const SAMPLE_EVERY_MS = 50;

/** A stage under measurement. */
export interface MeasuredStage {
  /** When it first and last reported anything, `performance.now()`; undefined: never. */
  readonly reports: { first: number | undefined; last: number | undefined };
  /** Resolves with what it used, its start included; rejects when it ends with another code than 0. */
  readonly ended: Promise<Usage | undefined>;
  stop(): void;
}

/** A stage ended with another code than 0. */
export class StageFailed extends Error {
  override readonly name = "StageFailed";
  constructor(verb: string, code: number | null) {
    super(`${verb} ended with ${code}; its last words stand above`);
  }
}

/** Starts `sluice <args>` and samples it until it ends. */
export function measureStage(args: readonly string[], env: NodeJS.ProcessEnv): MeasuredStage {
  const reports: MeasuredStage["reports"] = { first: undefined, last: undefined };
  const child = spawn(process.execPath, [...nodeFlags(args), SLUICE, ...args], {
    env: { ...env, SLUICE_SUPERVISED: "1", LOG_LEVEL: "warn" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.on("message", (message) => {
    const { event } = message as StageReport;
    if (event.kind === "reorg") return;
    reports.first ??= performance.now();
    reports.last = performance.now();
  });
  let usage: Usage | undefined;
  const timer = setInterval(() => {
    usage = usageOf(child.pid ?? 0) ?? usage;
  }, SAMPLE_EVERY_MS);
  const ended = new Promise<Usage | undefined>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      clearInterval(timer);
      if (code === 0) resolve(usage);
      else reject(new StageFailed(args.join(" "), code));
    });
  });
  return { reports, ended, stop: () => void child.kill("SIGTERM") };
}
