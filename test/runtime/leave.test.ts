import { once } from "node:events";
import { expect, test } from "vitest";
import { runModule } from "../support/module.ts";

/** DESIGN §1: a process is gone so long after it is told to end. */
const GONE_MS = 10_000;
/** Hours of work for a thread of libuv's pool, which nothing interrupts. */
const ENDLESS = 2_000_000_000;

test("a process leaves with its code although native code does not return, and tells those who listen", async () => {
  const leaving = runModule(`
    import { pbkdf2 } from "node:crypto";
    import { writeSync } from "node:fs";
    import { leave } from "runtime/leave.js";
    pbkdf2("password", "salt", ${ENDLESS}, 64, "sha512", () => {});
    process.on("exit", (code) => writeSync(1, "leaving with " + code + "\\n"));
    setTimeout(() => leave(4), 200);
  `);
  try {
    const gone = once(leaving.child, "exit", { signal: AbortSignal.timeout(GONE_MS) });
    expect(await leaving.line()).toBe("leaving with 4");
    expect(await gone).toEqual([4, null]);
  } finally {
    leaving.kill("SIGKILL");
  }
});
