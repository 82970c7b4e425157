import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of the project's `sql` folder. `checksum` is the SHA-256 of its text. */
export interface SqlFile {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** The source tree and its build in `dist` see the same folder at the project's root. */
const ROOTS = ["../../sql/", "../../../sql/"];

/** The `.sql` files of a folder below `sql`, in the order of their names. */
export function readSqlFiles(folder: string): readonly SqlFile[] {
  const base = new URL(`${folder}/`, sqlRoot());
  const names = readdirSync(base).filter((name) => name.endsWith(".sql"));
  return names.sort().map((name) => readFileAt(base, name));
}

/** One file of the folder `sql` itself. */
export function readSqlFile(name: string): SqlFile {
  return readFileAt(sqlRoot(), name);
}

/** SHA-256 of a text, in hex. */
export function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function readFileAt(base: URL, name: string): SqlFile {
  const text = readFileSync(new URL(name, base), "utf8");
  return { name, text, checksum: checksumOf(text) };
}

function sqlRoot(): URL {
  const roots = ROOTS.map((root) => new URL(root, import.meta.url));
  const found = roots.find((root) => existsSync(new URL("migrations/", root)));
  if (found === undefined)
    throw new Error(`no folder sql/migrations above ${fileURLToPath(import.meta.url)}`);
  return found;
}
