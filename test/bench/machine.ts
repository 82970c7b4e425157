import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** What the figures were taken on, a line each. */
export function machineFacts(): readonly string[] {
  const [first] = cpus();
  return [
    `machine   ${first?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `software  Node ${process.version}, ${process.platform} ${process.arch}`,
    `date      ${new Date().toISOString().slice(0, 10)}`,
  ];
}

/** What a process has used; undefined where the system does not tell. */
export interface Usage {
  readonly cpuS: number;
  /** The largest resident memory that it ever had. */
  readonly peakBytes: number;
}

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** CPU and peak memory of a process, by proc(5); undefined on other systems, and when it is gone. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, field 2, may hold spaces: fields are counted from behind its parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const peakKib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return peakKib === undefined
      ? undefined
      : { cpuS: ticks / TICKS_A_SECOND, peakBytes: Number(peakKib) * 1024 };
  } catch {
    return undefined;
  }
}
