import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Linux tells of processes by files; elsewhere `ps` is asked. */
const HAS_PROC = existsSync("/proc/self/stat");

/**
 * What tells a process from a later one of the same id: when it was started.
 * Undefined when no such process is alive (one that only waits to be reaped is dead).
 */
export function processIdentity(pid: number): string | undefined {
  if (!HAS_PROC) return ask("lstart", pid);
  const stat = readOrUndefined(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // proc(5): the name in parentheses may hold anything; after it come the state (field 3) and, as field 22, the start time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** The command line of a living process, arguments separated by spaces. */
export function commandLine(pid: number): string | undefined {
  if (processIdentity(pid) === undefined) return undefined;
  return HAS_PROC ? readOrUndefined(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") : ask("args", pid);
}

/** This process as others can find it, also after its end. */
export function ownMark(): string {
  return `${process.pid}@${processIdentity(process.pid)}`;
}

/** Whether the process of that mark is alive. */
export function isAlive(mark: string): boolean {
  const [pid, identity] = mark.split("@");
  return identity !== undefined && processIdentity(Number(pid)) === identity;
}

function ask(column: string, pid: number): string | undefined {
  try {
    const answer = execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim();
    return answer === "" ? undefined : answer;
  } catch {
    return undefined;
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
