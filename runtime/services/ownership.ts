import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, ownMark } from "./process.ts";

/** The right to run a service in a home, or who has it. It dies with its process. `token` tells one ownership from the next. */
export type Ownership =
  | { readonly kind: "ours"; readonly token: string; release(): void }
  | { readonly kind: "held"; readonly token: string };

const FREE = "free";

/**
 * Takes the ownership of `service` in `folder`, unless a living process has it.
 *
 * Owners are numbered files: who finds the newest one's process dead makes the next number, which only one can.
 * The newest is never removed, so that no number is made twice.
 */
export function takeOwnership(folder: string, service: string): Ownership {
  mkdirSync(folder, { recursive: true });
  for (;;) {
    const { generation, holder } = newestOf(folder, service);
    if (holder !== undefined && isAlive(holder)) return { kind: "held", token: `${generation}:${holder}` };
    const ours = generation + 1;
    if (holder !== undefined && claim(folder, service, ours)) return owned(folder, service, ours);
  }
}

/** The token of the living process that owns `service` in `folder`; undefined: nobody does. */
export function ownerOf(folder: string, service: string): string | undefined {
  const { generation, holder } = newestOf(folder, service);
  return holder !== undefined && isAlive(holder) ? `${generation}:${holder}` : undefined;
}

/** `holder` is undefined when the file was removed meanwhile: a newer one exists. */
function newestOf(
  folder: string,
  service: string,
): { readonly generation: number; readonly holder: string | undefined } {
  const generation = generations(folder, service).at(-1) ?? 0;
  return { generation, holder: generation === 0 ? FREE : readHolder(fileOf(folder, service, generation)) };
}

function owned(folder: string, service: string, generation: number): Ownership {
  const file = fileOf(folder, service, generation);
  for (const older of generations(folder, service)) {
    if (older < generation) rmSync(fileOf(folder, service, older), { force: true });
  }
  return {
    kind: "ours",
    token: `${generation}:${ownMark()}`,
    release: () => {
      writeFileSync(`${file}.free`, FREE);
      renameSync(`${file}.free`, file);
    },
  };
}

/** Whether we made that number, and nobody a higher one (who came late could make one that was made and removed before). */
function claim(folder: string, service: string, generation: number): boolean {
  const file = fileOf(folder, service, generation);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, ownMark());
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  if (generations(folder, service).at(-1) === generation) return true;
  rmSync(file, { force: true });
  return false;
}

function fileOf(folder: string, service: string, generation: number): string {
  return join(folder, `${service}.owner.${generation}`);
}

/** The numbers that exist, ascending. */
function generations(folder: string, service: string): readonly number[] {
  const pattern = new RegExp(`^${service}\\.owner\\.(\\d+)$`);
  return filesIn(folder)
    .map((file) => Number(pattern.exec(file)?.[1] ?? Number.NaN))
    .filter((generation) => !Number.isNaN(generation))
    .sort((a, b) => a - b);
}

function readHolder(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // The home was removed: nobody owns anything in it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
