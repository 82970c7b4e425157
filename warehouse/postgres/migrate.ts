import type { Database, DbTransaction, Queryable } from "./client.ts";
import { codeOf, isOutage } from "./outage.ts";
import { checksumOf, readSqlFile, readSqlFiles, type SqlFile } from "./sql-files.ts";

/** What `migrate` did. */
export interface Migrated {
  /** Names of the files applied now, in order; `marts` stands for all views and rights. */
  readonly applied: readonly string[];
  /** Roles that do not exist and that the user of DATABASE_URL may not create: their rights wait until they do. */
  readonly missingRoles: readonly string[];
}

/** A migration that stands in the database is no more what its file says, or has no file here. */
export class MigrationChanged extends Error {
  override readonly name = "MigrationChanged";
  readonly migration: string;
  constructor(migration: string, remedy: string) {
    super(`migration ${migration} ${remedy}`);
    this.migration = migration;
  }
}

/** The schema can't be brought up to date; `cause` is what Postgres said. */
export class MigrationFailed extends Error {
  override readonly name = "MigrationFailed";
  readonly migration: string;
  constructor(migration: string, place: string, cause: unknown) {
    const hint =
      codeOf(cause) === INSUFFICIENT_PRIVILEGE
        ? "run `sluice migrate` as the owner of the database"
        : "mend what it names and start again";
    super(`migration ${migration} failed at ${place}: ${(cause as Error).message}; ${hint}`, { cause });
    this.migration = migration;
  }
}

/** SQLSTATE insufficient_privilege (Postgres manual, appendix A). */
const INSUFFICIENT_PRIVILEGE = "42501";
/** `unique nulls not distinct` came with 15. */
const OLDEST_SERVER = 150_000;
/** Any number that others don't lock: "sluice" as base 36. */
const LOCK = Number.parseInt("sluice", 36);
const ROLES = ["sluice_writer", "sluice_reader"] as const;
const MARTS = "marts";

/**
 * Brings the schema up to date: files of sql/migrations in order, each in its own transaction and once; views and rights
 * whenever they changed. Several processes may do so at once. Throws `MigrationChanged`, `MigrationFailed`.
 */
export async function migrate(db: Database): Promise<Migrated> {
  const files = readSqlFiles("migrations");
  await refuseOldServer(db);
  const missingRoles = await makeRoles(db);
  const applied: string[] = [];
  for (;;) {
    const name = await db.transaction((dbTransaction) => step(dbTransaction, db.place, files));
    if (name === undefined) return { applied, missingRoles };
    applied.push(name);
  }
}

/** Applies the first thing that is due, and names it; undefined when nothing is. */
async function step(
  dbTransaction: DbTransaction,
  place: string,
  files: readonly SqlFile[],
): Promise<string | undefined> {
  await dbTransaction.query("select pg_advisory_xact_lock($1)", [LOCK]);
  const due = nextDue(await appliedSoFar(dbTransaction, place), files, await martsFile(dbTransaction));
  if (due === undefined) return undefined;
  await failingAs(due.name, place, async () => {
    await dbTransaction.query(due.text);
    await dbTransaction.query(
      `insert into sluice.migrations (name, checksum, applied_at) values ($1, $2, now())
       on conflict (name) do update set checksum = excluded.checksum, applied_at = excluded.applied_at`,
      [due.name, due.checksum],
    );
  });
  return due.name;
}

function nextDue(
  applied: ReadonlyMap<string, string>,
  files: readonly SqlFile[],
  marts: SqlFile,
): SqlFile | undefined {
  for (const name of applied.keys()) {
    if (name === MARTS || files.some((file) => file.name === name)) continue;
    throw new MigrationChanged(name, "was applied by a newer Sluice; update this one");
  }
  for (const file of files) {
    const checksum = applied.get(file.name);
    if (checksum === undefined) return file;
    if (checksum === file.checksum) continue;
    throw new MigrationChanged(
      file.name,
      "was changed after it was applied; restore the file and add a new one",
    );
  }
  return applied.get(MARTS) === marts.checksum ? undefined : marts;
}

/** Name and checksum of what was applied; makes the table where it is not there yet. */
async function appliedSoFar(db: Queryable, place: string): Promise<ReadonlyMap<string, string>> {
  const [found] = await db.query<{ there: boolean }>(
    "select exists (select from pg_tables where schemaname = 'sluice' and tablename = 'migrations') as there",
  );
  if (found?.there !== true) {
    await failingAs("of schema sluice", place, () =>
      db.query(`create schema if not exists sluice;
        create table sluice.migrations (name text primary key, checksum text not null, applied_at timestamptz not null)`),
    );
  }
  const rows = await db.query<{ name: string; checksum: string }>(
    "select name, checksum from sluice.migrations",
  );
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

/** All views and rights as one file; a role that appears makes it another one, so that it gets its rights. */
async function martsFile(db: Queryable): Promise<SqlFile> {
  const roles = await existingRoles(db);
  const parts = [...readSqlFiles("marts"), readSqlFile("access.sql")].map((file) => file.text);
  const text = `${parts.join("\n")}\n-- for ${roles.join(", ")}\n`;
  return { name: MARTS, text, checksum: checksumOf(text) };
}

async function existingRoles(db: Queryable): Promise<readonly string[]> {
  const rows = await db.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname = any($1) order by rolname",
    [ROLES],
  );
  return rows.map((row) => row.rolname);
}

/** Makes the roles that are missing, and names those that it may not make: rights are a help, not a condition. */
async function makeRoles(db: Queryable): Promise<readonly string[]> {
  const existing = await existingRoles(db);
  const missing: string[] = [];
  for (const role of ROLES) {
    if (existing.includes(role)) continue;
    await db.query(`create role ${role} nologin`).catch((error: unknown) => {
      if (codeOf(error) !== INSUFFICIENT_PRIVILEGE && !isRoleThere(error)) throw error;
      if (codeOf(error) === INSUFFICIENT_PRIVILEGE) missing.push(role);
    });
  }
  return missing;
}

/** Another process made the role at the same moment: duplicate_object, or unique_violation inside the catalog. */
function isRoleThere(error: unknown): boolean {
  return codeOf(error) === "42710" || codeOf(error) === "23505";
}

async function refuseOldServer(db: Database): Promise<void> {
  const [row] = await db.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  if (row !== undefined && row.version >= OLDEST_SERVER) return;
  const cause = new Error(
    `Postgres ${Math.floor((row?.version ?? 0) / 10_000)} is too old: 15 or newer is needed`,
  );
  throw new MigrationFailed("of any kind", db.place, cause);
}

async function failingAs(name: string, place: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw isOutage(cause) ? cause : new MigrationFailed(name, place, cause);
  }
}
