import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** A thread has loaded its modules within it, on a quiet machine. */
const LOADING_MS = 240;
const STEP_MS = 15;

/** A process that closes its threads after so long; resolves with its exit code, or the signal that ended it. */
async function closeAfter(ms: number): Promise<unknown> {
  const built = fileURLToPath(new URL("../../dist/ingest/threads.js", import.meta.url));
  const program = `
    import { openThreads } from ${JSON.stringify(built)};
    const threads = openThreads({ worker: "prove", threads: 8, buffersOf: () => [] });
    setTimeout(() => threads.close(), ${ms});
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  const [code, signal] = await once(child, "exit");
  return code ?? signal;
}

test("threads can be closed at any moment while they start", async () => {
  for (let ms = 0; ms < LOADING_MS; ms += STEP_MS) expect(await closeAfter(ms), `after ${ms} ms`).toBe(0);
});
