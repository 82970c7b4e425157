import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, ownMark } from "./process.ts";

/** A process's use of a service. It ends with its process, however that ends. */
export interface Lease {
  release(): void;
}

/** Says in `folder` that this process uses `service`. */
export function takeLease(folder: string, service: string): Lease {
  mkdirSync(folder, { recursive: true });
  const id = randomUUID();
  const file = join(folder, `${prefixOf(service)}${id}`);
  const draft = join(folder, `${service}.draft.${id}`);
  writeFileSync(draft, ownMark());
  renameSync(draft, file);
  return { release: () => rmSync(file, { force: true }) };
}

/** Whether any living process uses `service`; what the dead have left is removed. */
export function isUsed(folder: string, service: string): boolean {
  let used = false;
  for (const file of leasesIn(folder, service)) {
    if (isHeld(file)) used = true;
    else rmSync(file, { force: true });
  }
  return used;
}

function leasesIn(folder: string, service: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.startsWith(prefixOf(service)));
    return names.map((name) => join(folder, name));
  } catch (error) {
    // Who removes the home uses nothing in it any more.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function isHeld(file: string): boolean {
  try {
    return isAlive(readFileSync(file, "utf8"));
  } catch (error) {
    // What can't be read says nothing of its process; what is gone was given back.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

function prefixOf(service: string): string {
  return `${service}.user.`;
}
