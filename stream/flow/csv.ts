/** A record of a CSV text with the line that it begins on (from 1); `malformed` where quotes are not as RFC 4180 has them. */
export type CsvRecord =
  | { readonly kind: "record"; readonly line: number; readonly fields: readonly string[] }
  | { readonly kind: "malformed"; readonly line: number };

/** One field and what ends it: RFC 4180, where LF may stand for CRLF. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/** The records of a CSV text (RFC 4180; a BOM, LF line ends and blank lines are tolerated). A malformed record ends with its line. */
export function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length; ) {
    const read = readRecord(text, at);
    if (read.fields === undefined) records.push({ kind: "malformed", line });
    else if (read.fields.length > 1 || read.fields[0] !== "")
      records.push({ kind: "record", line, fields: read.fields });
    line += lineEnds(text, at, read.end);
    at = read.end;
  }
  return records;
}

function readRecord(text: string, start: number): { fields: readonly string[] | undefined; end: number } {
  const fields: string[] = [];
  FIELD.lastIndex = start;
  for (;;) {
    const at = FIELD.lastIndex;
    const match = FIELD.exec(text);
    if (match === null) return { fields: undefined, end: endOfLine(text, at) };
    const [, quoted, plain = "", end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") return { fields, end: FIELD.lastIndex };
  }
}

function endOfLine(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found === -1 ? text.length : found + 1;
}

function lineEnds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", start); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
