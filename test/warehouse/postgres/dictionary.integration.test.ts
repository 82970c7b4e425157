import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Database } from "../../../warehouse/postgres/client.ts";
import { startServer, type TestServer } from "./server.ts";

let server: TestServer;
let db: Database;
beforeAll(async () => {
  server = await startServer();
  db = (await server.migrated()).db;
});
afterAll(() => server.stop());

/** Building blocks of the views that nobody asks by name. */
const INNER = ["chain_windows", "asset_units", "hourly_usd"];

it("the data dictionary has every table, view and column, with the database's own words", async () => {
  const columns = await db.query<{ line: string }>(
    `select distinct format('| \`%s\` | %s | %s |', attname,
        replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz'),
        col_description(attrelid, attnum)) as line
     from pg_attribute
     join pg_class on pg_class.oid = attrelid
     where relnamespace in ('public'::regnamespace, 'sluice'::regnamespace) and relkind in ('r', 'p', 'v')
       and relname <> all($1) and attnum > 0`,
    [INNER],
  );
  const relations = await db.query<{ text: string }>(
    `select format(E'### \`%s\`\\n\\n%s\\n',
        case when relnamespace = 'sluice'::regnamespace then 'sluice.' || relname else relname end,
        obj_description(oid, 'pg_class')) as text
     from pg_class
     where relnamespace in ('public'::regnamespace, 'sluice'::regnamespace) and relkind in ('r', 'p', 'v')
       and relname <> all($1)`,
    [INNER],
  );
  const page = readFileSync("sql/README.md", "utf8");
  const lines = new Set(page.split("\n"));
  expect(columns.map(({ line }) => line).filter((line) => !lines.has(line))).toEqual([]);
  expect(relations.map(({ text }) => text).filter((text) => !page.includes(text))).toEqual([]);
  expect(relations).toHaveLength(17);
});

it("the example of the page runs", async () => {
  const page = readFileSync("sql/README.md", "utf8");
  const example = /```sql\n(select tx_hash[^`]*)```/.exec(page)?.[1] ?? "";
  expect(await db.query(example)).toEqual([]);
});
