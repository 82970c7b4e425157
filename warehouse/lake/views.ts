import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readSqlFiles } from "../postgres/sql-files.ts";
import { noRows } from "./day-file.ts";
import { type DuckDb, literal } from "./duckdb.ts";
import { LAKE_TABLES, type TableSpec } from "./tables.ts";

/** Makes the views of `sql/duckdb/views.sql` over a lake; over a table without a file, an empty view of the same columns. */
export async function makeViews(db: DuckDb, lake: string): Promise<void> {
  for (const statement of viewStatements()) {
    const spec = Object.values(LAKE_TABLES).find(({ name }) => statement.includes(`'lake/${name}/`));
    const missing = spec !== undefined && !hasFile(lake, spec);
    await db.connection.run(missing ? emptyView(spec) : rooted(statement, lake));
  }
}

function viewStatements(): readonly string[] {
  const [file] = readSqlFiles("duckdb");
  return (file?.text ?? "").split(/;\s*$/m).filter((statement) => statement.trim() !== "");
}

function rooted(statement: string, lake: string): string {
  return statement.replace(/'lake\/([^']*)'/, (_, path: string) => literal(join(lake, path)));
}

function emptyView({ name, ...rest }: TableSpec): string {
  return `create view ${name} as select *, null::date as date from (${noRows({ name, ...rest })})`;
}

function hasFile(lake: string, { name }: TableSpec): boolean {
  const folder = join(lake, name);
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).some((path) => path.endsWith(".parquet"));
}
