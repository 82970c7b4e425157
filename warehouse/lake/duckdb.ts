import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** An in-memory DuckDB of our own, in UTC. */
export interface DuckDb {
  readonly connection: DuckDBConnection;
  /** Ends the query that runs, if one does, with an error. */
  interrupt(): void;
  close(): void;
}

/** A day of main-net legs is rewritten far below this; what does not fit spills to `spill`. */
const MEMORY_LIMIT = "192MB";

/** How DuckDB is opened. */
export interface DuckDbOptions {
  /** Where it may put what memory can't hold. */
  readonly spill?: string;
  /** Default 1: one thread keeps the order of rows without sorting, and takes half the memory of two. */
  readonly threads?: number;
  readonly memory?: string;
}

/** Opens an empty DuckDB in memory. */
export async function openDuckDb(options: DuckDbOptions = {}): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(":memory:", {
    threads: String(options.threads ?? 1),
    memory_limit: options.memory ?? MEMORY_LIMIT,
    ...(options.spill === undefined ? {} : { temp_directory: options.spill }),
  });
  const connection = await instance.connect();
  await connection.run("set timezone = 'UTC'");
  return {
    connection,
    interrupt: () => connection.interrupt(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** `text` as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
