import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";

const MAIN = resolve("dist/runtime/main.js");

/** A `sluice` that runs as users run it, from `dist`. */
export interface Sluice {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly printed: { readonly out: string; readonly err: string };
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

/** Starts `sluice <args>`; `env` comes on top of this process's environment. */
export function startSluice(args: readonly string[], env: Readonly<Record<string, string>>): Sluice {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((settle) => {
    child.once("close", (code) => settle({ code, ...texts }));
  });
  return { process: child, printed: texts, ended };
}

/** Runs `sluice <args>` to its end; an exit code other than `code` fails with what it printed. */
export async function sluice(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  code = 0,
): Promise<string> {
  const end = await startSluice(args, env).ended;
  if (end.code !== code)
    throw new Error(`sluice ${args.join(" ")} ended with ${end.code}, not ${code}:\n${end.err}\n${end.out}`);
  return end.out;
}
