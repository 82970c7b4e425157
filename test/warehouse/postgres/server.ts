import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type Database, openDatabase } from "../../../warehouse/postgres/client.ts";
import { migrate } from "../../../warehouse/postgres/migrate.ts";
import { testPostgres } from "../../services.ts";

/** A real Postgres server with databases made on demand. */
export interface TestServer {
  /** The URL of a database of this server. */
  url(database: string, user?: string): string;
  /** A new, empty database; its name. */
  create(): Promise<string>;
  /** A new, migrated database, opened. */
  migrated(): Promise<{ readonly db: Database; readonly url: string }>;
  /** Runs SQL as the server's owner. */
  run(database: string, sql: string): Promise<void>;
  stop(): Promise<void>;
}

const ROLE_PASSWORD = "test";

export async function startServer(): Promise<TestServer> {
  const { url: base, stop } = await testPostgres();
  const opened: Database[] = [];
  let count = 0;
  const server: TestServer = {
    url: (database, user) => urlOf(base, database, user),
    create: async () => {
      count += 1;
      const name = `test_${count}`;
      await run(base, `create database ${name}`);
      return name;
    },
    migrated: async () => {
      const url = server.url(await server.create());
      const db = await openDatabase(url);
      opened.push(db);
      await migrate(db);
      return { db, url };
    },
    run: (database, sql) => run(urlOf(base, database), sql),
    stop: async () => {
      await Promise.all(opened.map((db) => db.close()));
      await stop();
    },
  };
  return server;
}

/** SQL that makes a role which can log in by `TestServer.url(database, role)`. */
export function loginRole(name: string, memberOf?: string): string {
  const member = memberOf === undefined ? "" : `in role ${memberOf}`;
  return `create role ${name} login password '${ROLE_PASSWORD}' ${member}`;
}

function urlOf(base: string, database: string, user?: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  if (user !== undefined) {
    url.username = user;
    url.password = ROLE_PASSWORD;
  }
  return url.href;
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/**
 * Stops whoever writes to a table between the rows and their commit, for as long as the server lives: the lock that is waited for
 * goes with it. Resolves with what tells whether somebody has come so far.
 */
export async function stopWriters(db: Database, table: string): Promise<() => Promise<boolean>> {
  await db.query(`create function public.stop() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(1); return null; end $$`);
  await db.query(
    `create trigger stop after insert on ${table} for each statement execute function public.stop()`,
  );
  const locks = async (granted: boolean) =>
    db.query("select from pg_locks where locktype = 'advisory' and granted = $1", [granted]);
  // Ends with the server.
  db.query("select pg_advisory_lock(1), pg_sleep(600)").catch(() => undefined);
  while ((await locks(true)).length === 0) await sleep(20);
  return async () => (await locks(false)).length > 0;
}

/** Kills the server behind a database by -9, as its owner. */
export async function killPostmaster(db: Database): Promise<void> {
  const [row] = await db.query<{ pid: string }>(
    "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid",
  );
  process.kill(Number(row?.pid), "SIGKILL");
}
