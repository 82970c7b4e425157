import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BenchChain } from "./chains.ts";
import type { Form } from "./serving.ts";

/** A node in a process of its own, with all its blocks from the start. */
export interface BenchNode {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a chain's node with the plan's blocks; where the form has a flag, it offers nothing better. */
export async function startBenchNode(
  chain: BenchChain,
  form: Form,
  plan: { readonly start: number; readonly blocks: number },
): Promise<BenchNode> {
  const program = fileURLToPath(new URL(`../${chain.program}`, import.meta.url));
  const size = ["--start", `${plan.start}`, "--blocks", `${plan.blocks}`];
  const args = [...size, ...chain.nodeOptions, ...(form.nodeFlag === undefined ? [] : [form.nodeFlag])];
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const first: readonly unknown[] = await Promise.race([once(child.stdout ?? child, "data"), ended]);
  const { url } = JSON.parse(String(first[0])) as { url: string };
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
