import { spawnSync } from "node:child_process";

/** How a program ended. `output` is all that it printed. */
export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** What a program prints at most, bytes: a compiler can be talkative. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a program to its end, without a terminal. A program that isn't there is a failure like any other. */
export function runCommand(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number } = {},
): Outcome {
  const [program = "", ...args] = command;
  const ended = spawnSync(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const output = `${ended.stdout ?? ""}${ended.stderr ?? ""}${ended.error?.message ?? ""}`;
  return { ok: ended.status === 0, output };
}

/** The last lines of an output, indented. */
export function tail(output: string, lines = 15): string {
  return output
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join("\n");
}
