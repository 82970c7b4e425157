import { resolve } from "node:path";
import {
  type DuckDBResultReader,
  type DuckDBType,
  DuckDBTypeId,
  type Json,
  StatementType,
} from "@duckdb/node-api";
import { stagingOf } from "./day-file.ts";
import { type DuckDb, literal, openDuckDb } from "./duckdb.ts";
import { makeViews } from "./views.ts";

/** A query that DuckDB refuses, or that is no single query. Ends the process with exit code 2. */
export class QueryFailed extends Error {
  override readonly name = "QueryFailed";
  constructor(reason: string, options?: ErrorOptions) {
    super(`the query failed: ${reason}`, options);
  }
}

/** An analyst's query may use the machine: DuckDB's own share of memory, two threads, spilling beside the lake. */
const THREADS = 2;
const MEMORY = "2GB";

/**
 * DuckDB opens a file for its footer, and once more for its rows. What it says of one that the sink replaced in between it says
 * of any file that can't be read: the query is asked again, so many times at most, since a broken file stays broken.
 */
const TORN = /^(?:Invalid|IO) Error: /;
const ATTEMPTS = 10;

/**
 * Answers one SQL query over the lake: a table for people, or with `json` a JSON list of objects. Amounts stay exact: integers
 * beyond 2^53 and decimals are text in JSON. Reads the lake's files and nothing else, and writes nothing. Throws `QueryFailed`,
 * and `signal`'s reason soon after it aborts.
 */
export async function queryLake(
  lake: string,
  sql: string,
  options: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const folder = resolve(lake);
  const db = await openDuckDb({ spill: stagingOf(folder), threads: THREADS, memory: MEMORY });
  options.signal.addEventListener("abort", db.interrupt);
  try {
    await makeViews(db, folder);
    await confine(db, folder);
    const reader = await askUntorn(db, sql, options.signal);
    return options.json ? asJson(reader) : asTable(reader);
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : error;
  } finally {
    options.signal.removeEventListener("abort", db.interrupt);
    db.close();
  }
}

async function confine(db: DuckDb, lake: string): Promise<void> {
  await db.connection.run(`set allowed_directories = [${literal(`${lake}/`)}]`);
  await db.connection.run("set enable_external_access = false");
  await db.connection.run("set lock_configuration = true");
}

async function askUntorn(db: DuckDb, sql: string, signal: AbortSignal): Promise<DuckDBResultReader> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await ask(db, sql);
    } catch (error) {
      const { cause } = error as Error;
      if (attempt === ATTEMPTS || !(cause instanceof Error && TORN.test(cause.message))) throw error;
    }
  }
}

async function ask(db: DuckDb, sql: string): Promise<DuckDBResultReader> {
  if (sql.trim() === "") throw new QueryFailed("write one query");
  try {
    const statements = await db.connection.extractStatements(sql);
    if (statements.count !== 1) throw new QueryFailed("write one query");
    const statement = await statements.prepare(0);
    if (statement.statementType !== StatementType.SELECT) {
      throw new QueryFailed("the lake is only read: write select, from, with, describe or summarize");
    }
    return await statement.runAndReadAll();
  } catch (error) {
    if (error instanceof QueryFailed) throw error;
    throw new QueryFailed((error as Error).message, { cause: error });
  }
}

function asJson(reader: DuckDBResultReader): string {
  const names = reader.deduplicatedColumnNames();
  const types = reader.columnTypes();
  const rows = reader
    .getRowsJson()
    .map((row) => Object.fromEntries(names.map((name, column) => [name, exact(row[column], types[column])])));
  return `${JSON.stringify(rows, undefined, 2)}\n`;
}

/** Counts and heights, and what DuckDB's sum makes of them. Amounts are of other types, and stay text whatever their size. */
const COUNTS: ReadonlySet<DuckDBTypeId | undefined> = new Set([DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT]);

/** Integers come as text: numbers where they are exact ones. */
function exact(value: Json | undefined, type: DuckDBType | undefined): Json {
  if (!COUNTS.has(type?.typeId) || typeof value !== "string") return value ?? null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const NUMBERS = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.BIGNUM,
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
]);

function asTable(reader: DuckDBResultReader): string {
  const names = reader.columnNames();
  const rows = reader.getRowsJson().map((row) => row.map(cell));
  const widths = names.map((name, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), name.length),
  );
  const right = reader.columnTypes().map((type) => NUMBERS.has(type.typeId));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) =>
        right[column] === true ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const count = `(${rows.length} ${rows.length === 1 ? "row" : "rows"})`;
  return [line(names), rule, ...rows.map(line), count, ""].join("\n");
}

function cell(value: Json): string {
  if (value === null) return "null";
  return typeof value === "string" ? value : JSON.stringify(value);
}
