import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ChainName } from "../stream/block.ts";
import { EXIT, exitCodeOf } from "./exit.ts";

/** Leaves word for `status` that a chain halted, and why; any other error is none of its business. */
export function recordIncident(home: string, chain: ChainName, error: Error): void {
  if (exitCodeOf(error) !== EXIT.halted) return;
  mkdirSync(dirname(fileOf(home, chain)), { recursive: true });
  writeFileSync(fileOf(home, chain), `${error.message}\n`);
}

/** Called before a gate works: it says again whether its chain is halted. */
export function clearIncident(home: string, chain: ChainName): void {
  rmSync(fileOf(home, chain), { force: true });
}

/** Why a chain halted when its gate last ran in this home; undefined: it did not. */
export function readIncident(home: string, chain: ChainName): string | undefined {
  try {
    return readFileSync(fileOf(home, chain), "utf8").trim();
  } catch {
    return undefined;
  }
}

function fileOf(home: string, chain: ChainName): string {
  return join(home, "incidents", `${chain}.txt`);
}
