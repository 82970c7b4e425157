import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** A template that is SQL, by its first words. */
const SQL =
  /^\s*(?:select|insert|update|delete|with|copy|create|declare|fetch|drop|alter|attach|truncate|from|where|do update|coalesce|sum|read_csv|epoch|extract)\b/i;

/**
 * All that is put into SQL as text. Each is a name or number of the code's own (columns and tables of the specifications, roles,
 * limits), text made of such, or a value that `literal` has quoted. What comes from outside goes by parameters.
 */
const OURS = new Set([
  "CSV_BUFFER_BYTES",
  "CSV_LINE_BYTES",
  "DATABASE",
  "FETCH_ROWS",
  "HOURLY_FIGURES.map((name) => `${name",
  "ROW_GROUP_ROWS",
  "TOKEN",
  "before",
  "columns",
  'columns.join(", ")',
  'exact ? "::bignum" : ""',
  'fields.join(", ")',
  "final",
  "fresh",
  "height",
  'iso("window_end")',
  'iso("window_start")',
  "key",
  "metaLiteral(rows.meta)",
  "name",
  "noRows({ name, ...rest ",
  'order.join(", ")',
  "parquetText(name, type)",
  "postgresQuery(what)",
  "postgresText(name, type)",
  "query",
  "readCsv(spec, csv)",
  "role",
  "rows",
  "rowsUpTo(spec, upTo)",
  "staged",
  'sums.join(", ")',
  "table",
  "target.onConflict",
  "target.table",
  "time",
  "upTo",
]);

function sources(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));
}

/** The texts between backquotes; of nested ones the inner ones too. */
function templatesOf(text: string): readonly string[] {
  const found: string[] = [];
  const open: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== "`" || text[at - 1] === "\\") continue;
    const isNested = open.length > 0 && /\$\{[^}]*$/.test(text.slice(open.at(-1), at));
    if (open.length === 0 || isNested) open.push(at);
    else found.push(text.slice((open.pop() ?? 0) + 1, at));
  }
  return found;
}

test("nothing but names of our own and quoted literals is put into SQL as text", () => {
  const found = [...sources("warehouse"), ...sources("runtime")].flatMap((file) =>
    templatesOf(readFileSync(file, "utf8"))
      .filter((template) => SQL.test(template))
      .flatMap((template) => [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, hole = ""]) => hole))
      .filter((hole) => !hole.startsWith("literal(") && !OURS.has(hole))
      .map((hole) => `${file}: ${hole}`),
  );
  expect([...new Set(found)].sort()).toEqual([]);
});
