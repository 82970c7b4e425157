import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A patch of the product, of a few lines. */
export interface Patch {
  /** Its file's name. */
  readonly name: string;
  /** What it breaks: its first line. */
  readonly breaks: string;
  readonly path: string;
}

/** The project's folder: this file may run as it is, or out of `dist`. */
const ROOT = fileURLToPath(new URL(import.meta.url)).replace(
  /(dist\/)?test\/simulation\/sabotage\/workshop\.[jt]s$/,
  "",
);
const PATCHES = join(ROOT, "test/simulation/sabotage");
/** What the simulator is made of. */
const SOURCES = ["ingest", "stream", "warehouse", "test/simulation", "tsconfig.json", "package.json"];

/** All patches, by name. */
export async function listPatches(): Promise<readonly Patch[]> {
  const names = (await readdir(PATCHES)).filter((name) => name.endsWith(".patch")).sort();
  return Promise.all(
    names.map(async (file) => {
      const path = join(PATCHES, file);
      const [breaks = ""] = (await readFile(path, "utf8")).split("\n");
      return { name: file.replace(".patch", ""), breaks, path };
    }),
  );
}

/** Copies what the simulator is made of into a temporary folder; resolves with its path. */
export async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "sluice-sabotage-"));
  for (const source of SOURCES) await cp(join(ROOT, source), join(copy, source), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const compilerOptions = { noEmit: false, rootDir: ".", outDir: "dist" };
  const config = { extends: "./tsconfig.json", compilerOptions, include: ["test/simulation/worker.ts"] };
  await writeFile(join(copy, "tsconfig.copy.json"), JSON.stringify(config));
  return copy;
}

/** Applies a patch to a copy. Rejects where it does not apply. */
export async function applyPatch(copy: string, patch: Patch): Promise<void> {
  await run("git", ["apply", "--whitespace=nowarn", patch.path], { cwd: copy });
}

/** Takes a patch back. */
export async function revertPatch(copy: string, patch: Patch): Promise<void> {
  await run("git", ["apply", "--whitespace=nowarn", "--reverse", patch.path], { cwd: copy });
}

/** Builds a copy; resolves with its worker. A patch may leave a name unused, which the compiler minds and emits all the same. */
export async function buildCopy(copy: string): Promise<URL> {
  const compiler = join(copy, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [compiler, "-p", "tsconfig.copy.json"], { cwd: copy }).catch(() => undefined);
  return pathToFileURL(join(copy, "dist/test/simulation/worker.js"));
}
