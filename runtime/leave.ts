import koffi from "koffi";

/**
 * Ends the process with `code`. `process.exit` alone would wait for whatever the threads of libuv's pool are doing in native
 * code, for a call that does not return forever; the system's `_exit` does not.
 */
export function leave(code: number): never {
  process.once("exit", () => exitNow(code));
  return process.exit(code);
}

function exitNow(code: number): void {
  try {
    koffi.load(null).func("void _exit(int)")(code);
  } catch {
    // A system without that function: the exit waits.
  }
}
