import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** DESIGN §1: a process is gone so long after it is told to end. */
const GONE_MS = 10_000;
/** Hours of work for a thread of libuv's pool, which nothing interrupts. */
const ENDLESS = 2_000_000_000;

test("a process leaves with its code although native code does not return, and tells those who listen", async () => {
  const built = fileURLToPath(new URL("../../dist/runtime/leave.js", import.meta.url));
  const program = `
    import { pbkdf2 } from "node:crypto";
    import { writeSync } from "node:fs";
    import { leave } from ${JSON.stringify(built)};
    pbkdf2("password", "salt", ${ENDLESS}, 64, "sha512", () => {});
    process.on("exit", (code) => writeSync(1, "leaving with " + code));
    setTimeout(() => leave(4), 200);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    expect(await once(child, "close", { signal: AbortSignal.timeout(GONE_MS) })).toEqual([4, null]);
    expect(said).toBe("leaving with 4");
  } finally {
    child.kill("SIGKILL");
  }
});
