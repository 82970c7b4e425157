import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** Long, for a busy machine: only what never comes is a failure. */
const PATIENCE_MS = 60_000;

interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

function running(): readonly Running[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
}

/** The child of `parent` whose command line holds `words`; waits for it to be there. */
export function childOf(parent: number, words: string): Promise<number> {
  return waitFor(`a child of ${parent} with "${words}"`, (all) =>
    all.find((one) => one.parent === parent && one.args.includes(words)),
  );
}

/** Resolves when no process names `words` in its command line any more. */
export async function untilGone(words: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const left = running().filter((one) => one.args.includes(words) && one.pid !== process.pid);
    if (left.length === 0) return;
    if (performance.now() > end)
      throw new Error(`still running: ${left.map((one) => one.args.slice(0, 120)).join("; ")}`);
    await sleep(100);
  }
}

async function waitFor(
  what: string,
  find: (all: readonly Running[]) => Running | undefined,
): Promise<number> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = find(running());
    if (found !== undefined) return found.pid;
    if (performance.now() > end) throw new Error(`${what} never came`);
    await sleep(100);
  }
}
