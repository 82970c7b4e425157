import { once } from "node:events";
import { expect, test } from "vitest";
import { runModule } from "../support/module.ts";

/** A thread has loaded its modules within it, on a quiet machine. */
const LOADING_MS = 240;
const STEP_MS = 15;

/** A process that closes its threads after so long, and ends; resolves with its exit code, or the signal that ended it. */
async function closeAfter(ms: number): Promise<unknown> {
  const { child } = runModule(`
    import { openThreads } from "ingest/threads.js";
    const threads = openThreads({ worker: "prove", threads: 8, buffersOf: () => [] });
    setTimeout(() => threads.close().then(() => process.exit()), ${ms});
  `);
  const [code, signal] = await once(child, "exit");
  return code ?? signal;
}

test("threads can be closed at any moment while they start", async () => {
  for (let ms = 0; ms < LOADING_MS; ms += STEP_MS) expect(await closeAfter(ms), `after ${ms} ms`).toBe(0);
});
