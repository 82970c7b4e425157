import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

/** A Node process of a test. */
export interface TestProcess {
  readonly child: ChildProcess;
  /** The next line of its standard output. Rejects when it ends without one. */
  line(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs `source` as a module that may import from our build, as `runtime/…`. It lives until it is killed, or ends itself. */
export function runModule(source: string): TestProcess {
  const program = source.replaceAll(
    /from "((?:ingest|runtime|stream)\/[^"]+)"/g,
    (_, path) => `from "${resolve("dist", path)}"`,
  );
  const child = spawn(
    process.execPath,
    ["--input-type=module", "-e", `${program}\nsetInterval(() => {}, 1000);`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    kill: (signal) => child.kill(signal),
    line: async () => {
      const next = await lines.next();
      if (next.done === true) throw new Error("the process ended without a word");
      return next.value;
    },
  };
}
