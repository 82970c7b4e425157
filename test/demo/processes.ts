import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { StageReport } from "../../runtime/child.ts";
import { type DemoChain, PLAN } from "./plan.ts";

const SLUICE = fileURLToPath(new URL("../../runtime/main.js", import.meta.url));
/** `sluice run` is gone within 10 s of SIGTERM. */
const STOP_PATIENCE_MS = 15_000;

/** A process of the demo's. `ended` resolves with its exit code, 128 + n after a signal. */
export interface Companion {
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/** The node that one of the demo's chains is served by. */
export interface ChainNode extends Companion {
  readonly chain: DemoChain;
  readonly url: string;
  /** Lets the chain grow from its first block on. */
  begin(): void;
}

/** Starts the chain's node, with one block; `log` takes what it complains of. */
export async function startChainNode(chain: DemoChain, log: number): Promise<ChainNode> {
  const options = {
    ...chain.node.options,
    start: chain.start,
    "start-time": PLAN.startTime,
    spacing: PLAN.spacingS,
    seed: PLAN.seed,
    "grow-every": PLAN.headEveryMs,
    "grow-to": chain.last + PLAN.confirmations,
    "then-every": PLAN.thenEveryMs,
    "fork-every": PLAN.forkEvery,
    deepest: PLAN.deepest,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = fileURLToPath(new URL(`../${chain.node.program}`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args, "--wait"], {
    stdio: ["ignore", "pipe", log, "ipc"],
    // Ctrl-C is for us alone: we stop all in order.
    detached: true,
  });
  const companion = companionOf(child);
  const first: unknown = await Promise.race([once(child.stdout ?? child, "data"), companion.ended]);
  if (!Array.isArray(first)) throw new Error(`the demo's node of ${chain.title} did not start`);
  const { url } = JSON.parse(String(first[0])) as { url: string };
  return { ...companion, chain, url, begin: () => void child.send("begin") };
}

/** Starts `sluice <args>` with its output in `log`; it ends with us, however we end. `onReport` hears of what its stages do. */
export function startSluice(
  args: readonly string[],
  edge: { readonly env: NodeJS.ProcessEnv; readonly log: number },
  onReport: (report: StageReport) => void = () => undefined,
): Companion {
  const child = spawn(process.execPath, [SLUICE, ...args], {
    env: { ...edge.env, SLUICE_SUPERVISED: "1" },
    stdio: ["ignore", edge.log, edge.log, "ipc"],
    detached: true,
  });
  child.on("message", (message) => onReport(message as StageReport));
  return companionOf(child);
}

function companionOf(child: ChildProcess): Companion {
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  });
  return {
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      const patience = new AbortController();
      const late = sleep(STOP_PATIENCE_MS, undefined, { signal: patience.signal }).then(
        () => child.kill("SIGKILL"),
        () => false,
      );
      await ended;
      patience.abort();
      await late;
    },
  };
}
