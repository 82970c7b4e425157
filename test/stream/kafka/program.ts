import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

/** A program in a process of its own, which can be frozen, killed and told to end. */
export interface Program {
  readonly process: ChildProcess;
  /** Waits until it has printed `word`. */
  says(word: string): Promise<void>;
}

/** Runs `body` (JavaScript) on a cluster, with `where`, `open` to connect by a log and a signal, and `leave`. */
export function startProgram(
  brokers: string,
  where: { readonly group: string; readonly topic: string },
  body: string,
): Program {
  const built = (file: string) => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
  const program = `
    import { openBroker } from ${JSON.stringify(built("stream/kafka/client.js"))};
    import { leave } from ${JSON.stringify(built("runtime/leave.js"))};
    const where = ${JSON.stringify(where)};
    const open = (log, signal) => openBroker({ brokers: ${JSON.stringify(brokers)}, security: {}, log, signal });
    ${body}
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { process: child, says: (word) => expect.poll(() => said, { timeout: 10_000 }).toContain(word) };
}
