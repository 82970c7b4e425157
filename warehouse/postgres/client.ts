import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { DatabaseUnreachable, isOutage } from "./outage.ts";
import { type DatabaseAddress, readAddress } from "./url.ts";

/** What rows can be asked of. Numbers of 64 bits and numerics come as text, dates as `YYYY-MM-DD`, timestamptz as Date. */
export interface Queryable {
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

/** An open database transaction. */
export interface DbTransaction extends Queryable {
  /** Runs `copy … from stdin` with lines of COPY's text format. */
  copyIn(statement: string, chunks: Iterable<string>): Promise<void>;
}

/** A pool of connections to one Postgres database. What it does not answer for throws `DatabaseUnreachable`. */
export interface Database extends Queryable {
  /** `host:port/database`, for people: without credentials. */
  readonly place: string;
  /** Commits when `work` resolves, rolls back when it throws; a commit whose answer was lost throws too. */
  transaction<T>(work: (dbTransaction: DbTransaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** How a database is opened. */
export interface DatabaseOptions {
  /** How long to try to connect at first. */
  readonly patienceMs?: number;
  /** Shown in `pg_stat_activity`; a successor ends its predecessor's open transactions by it. */
  readonly application?: string;
  readonly signal?: AbortSignal;
}

/** Beside us a Postgres may just be starting (docker compose, a restart): a few seconds, then say what is wrong. */
const FIRST_PATIENCE_MS = 15_000;
const FIRST_RETRY_MS = 200;
const CONNECT_TIMEOUT_MS = 5_000;
/** Four topics a chain are written at once; the rest is for questions. */
const MAX_CONNECTIONS = 8;
/** Type `date` (pg_type.dat): kept as text, since a JavaScript Date would shift it by the local zone. */
const DATE_OID = 1082;

/** Opens a pool and proves that it answers. TLS by the URL's `sslmode`, as libpq means it. Throws `DatabaseUnreachable`. */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const address = readAddress(url);
  const deadline = performance.now() + (options.patienceMs ?? FIRST_PATIENCE_MS);
  const first = await openPool(address, options.application, { deadline, signal: options.signal });
  return pooled(address.place, first);
}

interface Patience {
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

async function openPool(
  address: DatabaseAddress,
  application: string | undefined,
  patience: Patience,
): Promise<pg.Pool> {
  const pool = makePool(address.connectionString, application);
  try {
    await firstAnswer(pool, patience);
    return pool;
  } catch (cause) {
    await pool.end();
    patience.signal?.throwIfAborted();
    if (address.plainFallback !== undefined && isWithoutTls(cause)) {
      const plain = { ...address, connectionString: address.plainFallback, plainFallback: undefined };
      return openPool(plain, application, patience);
    }
    throw new DatabaseUnreachable(address.place, { cause });
  }
}

function makePool(connectionString: string, application: string | undefined): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: application ?? "sluice",
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  // An idle connection that ends is replaced at the next use; without a listener it would end the process.
  pool.on("error", ignore);
  // In use it needs one too, from its first instant: the last words of a dying server can come with the first answer.
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

function typeParser(oid: number, format?: "text" | "binary"): (value: string) => unknown {
  return oid === DATE_OID ? (value) => value : (pg.types.getTypeParser(oid, format ?? "text") as never);
}

async function firstAnswer(pool: pg.Pool, { deadline, signal }: Patience): Promise<void> {
  for (;;) {
    try {
      await pool.query("select 1");
      return;
    } catch (error) {
      if (!isOutage(error) || performance.now() > deadline) throw error;
      await sleep(FIRST_RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** pg's own words when `sslmode` asks for TLS and the server has none. */
function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes("does not support SSL");
}

function pooled(place: string, pool: pg.Pool): Database {
  const named = (cause: unknown) => {
    throw isOutage(cause) ? new DatabaseUnreachable(place, { cause }) : cause;
  };
  return {
    place,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query(text, [...values]).catch(named)).rows as Row[],
    transaction: (work) => runTransaction(pool, work).catch(named),
    close: () => pool.end(),
  };
}

async function runTransaction<T>(
  pool: pg.Pool,
  work: (dbTransaction: DbTransaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query("begin");
    const result = await work(transactionOn(client));
    await client.query("commit");
    broken = false;
    return result;
  } catch (error) {
    broken = !(await rolledBack(client));
    throw error;
  } finally {
    client.release(broken);
  }
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  return client.query("rollback").then(
    () => true,
    () => false,
  );
}

function transactionOn(client: pg.PoolClient): DbTransaction {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as Row[],
    copyIn: (statement, chunks) => pipeline(Readable.from(chunks), client.query(copyFrom(statement))),
  };
}

function ignore(): void {}
