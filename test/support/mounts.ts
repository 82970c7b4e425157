import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `mount` with these arguments. */
export function mount(args: readonly string[]): void {
  execFileSync("mount", args, { stdio: "ignore" });
}

/** Whether file systems may be mounted here: a full or read-only disk is one of its own. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "sluice-mount-"));
  try {
    mount(["-t", "tmpfs", "-o", "size=100k", "tmpfs", folder]);
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
