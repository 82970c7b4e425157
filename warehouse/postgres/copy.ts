import type { Field } from "../rows.ts";
import type { DbTransaction } from "./client.ts";

/** A table that rows are merged into: `onConflict` says what happens to a row whose key is there. */
export interface Target {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly onConflict: string;
}

/** Bytes of COPY text that are handed over at once: big enough to be cheap, small enough to be bounded. */
const CHUNK_CHARACTERS = 256 * 1024;

/** Merges `rows` (no key twice) by COPY into a temporary table and one insert, in the order of the key so that merges can't deadlock. */
export async function mergeRows(
  dbTransaction: DbTransaction,
  target: Target,
  rows: readonly (readonly Field[])[],
): Promise<void> {
  if (rows.length === 0) return;
  const columns = target.columns.join(", ");
  const key = target.key.join(", ");
  const staged = `staged_${target.table}`;
  await dbTransaction.query(
    `create temporary table if not exists ${staged} on commit delete rows
     as select ${columns} from public.${target.table} with no data`,
  );
  // A second merge of the same database transaction finds the first one's rows still there.
  await dbTransaction.query(`delete from ${staged}`);
  await dbTransaction.copyIn(`copy ${staged} (${columns}) from stdin`, copyText(rows));
  await dbTransaction.query(
    `insert into public.${target.table} (${columns}) select ${columns} from ${staged} order by ${key}
     on conflict (${key}) ${target.onConflict}`,
  );
}

/** Rows in the text format of COPY, in chunks. */
export function* copyText(rows: Iterable<readonly Field[]>): Generator<string> {
  let chunk = "";
  for (const row of rows) {
    chunk += `${row.map(copyCell).join("\t")}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

/** What COPY's text format can't hold as it is (Postgres manual, "COPY", text format). */
const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function copyCell(cell: Field): string {
  if (cell === null) return "\\N";
  const text = String(cell);
  return SPECIAL.test(text) ? text.replace(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? found) : text;
}
