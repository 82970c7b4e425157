import { Buffer } from "node:buffer";
import { type Answer, answerTo, linesOf } from "./questions.ts";
import { type TakenBack, takenBackBy } from "./take-back.ts";

/** Just as much of SQL as the sink speaks, by Postgres's own meaning; what is not understood throws, so that nothing is passed over. */

/** A value as Postgres prints it. */
export type Value = string | null;
export type Row = Readonly<Record<string, Value>>;

/** A statement, read. */
export type Statement =
  | {
      readonly kind: "select";
      readonly table: string;
      readonly columns: readonly string[];
      readonly where: string;
      readonly locks: boolean;
    }
  | {
      readonly kind: "insert";
      readonly table: string;
      readonly columns: readonly string[];
      readonly values: readonly string[];
    }
  | {
      readonly kind: "update";
      readonly table: string;
      readonly set: readonly Assignment[];
      readonly where: string;
    }
  | {
      readonly kind: "merge";
      readonly table: string;
      readonly columns: readonly string[];
      readonly staged: string;
      readonly key: readonly string[];
      readonly action: Action;
    }
  | { readonly kind: "stage"; readonly staged: string }
  | { readonly kind: "copy"; readonly staged: string; readonly columns: readonly string[] }
  | { readonly kind: "terminate" }
  /** From here on the transaction sees what is committed now. */
  | { readonly kind: "snapshot" }
  | { readonly kind: "question"; readonly answer: Answer }
  /** A cursor is opened, and read to its end at once. */
  | { readonly kind: "cursor"; readonly answer: Answer }
  | { readonly kind: "fetch" }
  | { readonly kind: "take back"; readonly what: TakenBack }
  | { readonly kind: "nothing" };

/** `name = expression`. */
interface Assignment {
  readonly column: string;
  readonly value: string;
}

/** What a merge does with a row whose key is there; no assignment: nothing. */
export interface Action {
  readonly set: readonly Assignment[];
  readonly where: string;
}

/** What expressions may name: parameters, the row that stands, and the row that was to be inserted. */
export interface Scope {
  readonly values: readonly unknown[];
  readonly row: Row;
  readonly excluded?: Row;
}

const FORMS: readonly (readonly [RegExp, (found: readonly string[]) => Statement])[] = [
  [
    /^select (.+) from (\S+) where (.+?)( for update)?$/,
    ([, columns = "", table = "", where = "", lock]) => ({
      kind: "select",
      table,
      columns: list(columns),
      where,
      locks: lock !== undefined,
    }),
  ],
  [
    /^insert into (\S+) \((.+)\) values \((.+)\) on conflict do nothing$/,
    ([, table = "", columns = "", values = ""]) => ({
      kind: "insert",
      table,
      columns: list(columns),
      values: list(values),
    }),
  ],
  [
    /^update (\S+) set (.+) where (.+)$/,
    ([, table = "", set = "", where = ""]) => ({
      kind: "update",
      table,
      set: list(set).map(assignment),
      where,
    }),
  ],
  [
    /^insert into (\S+) \((.+)\) select \2 from (\S+) order by (.+) on conflict \((.+)\) (do .+)$/,
    ([, table = "", columns = "", staged = "", , key = "", action = ""]) => ({
      kind: "merge",
      table,
      columns: list(columns),
      staged,
      key: list(key),
      action: actionOf(action),
    }),
  ],
  [
    /^create temporary table if not exists (\S+) on commit delete rows as select .+ with no data$/,
    () => ({ kind: "nothing" }),
  ],
  [/^delete from (staged_\S+)$/, ([, staged = ""]) => ({ kind: "stage", staged })],
  [
    /^copy (\S+) \((.+)\) from stdin$/,
    ([, staged = "", columns = ""]) => ({ kind: "copy", staged, columns: list(columns) }),
  ],
];

const read = new Map<string, Statement>();

/** Reads a statement. Throws where it is none that is known. */
export function parse(text: string): Statement {
  const known = read.get(text);
  if (known !== undefined) return known;
  const statement = parseAnew(text.replace(/\s+/g, " ").trim());
  read.set(text, statement);
  return statement;
}

function parseAnew(text: string): Statement {
  if (text === "select sluice.make_flow_legs_partition($1::date)") return { kind: "nothing" };
  if (text.startsWith("select pg_terminate_backend(pid) from pg_stat_activity "))
    return { kind: "terminate" };
  if (text === "set transaction isolation level repeatable read") return { kind: "snapshot" };
  if (/^fetch \d+ from lines$/.test(text)) return { kind: "fetch" };
  if (text === "close lines") return { kind: "nothing" };
  const what = takenBackBy(text);
  if (what !== undefined) return { kind: "take back", what };
  const [answer, lines] = [answerTo(text), linesOf(text)];
  if (answer !== undefined) return { kind: "question", answer };
  if (lines !== undefined) return { kind: "cursor", answer: lines };
  for (const [form, make] of FORMS) {
    const found = form.exec(text);
    if (found !== null) return make(found);
  }
  throw new Error(`the simulated Postgres does not know the statement: ${text}`);
}

/** Whether all parts of a condition hold. */
export function holds(where: string, scope: Scope): boolean {
  return where.split(" and ").every((part) => {
    const [left = "", operator, right = ""] = part.split(/ (=|<>) /);
    const [one, other] = [evaluate(left, scope), evaluate(right, scope)];
    if (one === null || other === null) return false;
    return operator === "=" ? one === other : one !== other;
  });
}

/** The row after assignments. */
export function assigned(set: readonly Assignment[], scope: Scope): Row {
  return {
    ...scope.row,
    ...Object.fromEntries(set.map(({ column, value }) => [column, evaluate(value, scope)])),
  };
}

/** What an expression is worth. */
export function evaluate(expression: string, scope: Scope): Value {
  const parameter = /^\$(\d+)$/.exec(expression);
  if (parameter !== null) return printed(scope.values[Number(parameter[1]) - 1]);
  const coalesced = /^coalesce\((.+)\)$/.exec(expression);
  if (coalesced !== null)
    return list(coalesced[1] ?? "").reduce<Value>((found, one) => found ?? evaluate(one, scope), null);
  const literal = /^'(\w+)'$/.exec(expression);
  if (literal !== null) return literal[1] ?? null;
  const name = /^(?:(\w+)\.)?(\w+)$/.exec(expression);
  if (name === null) throw new Error(`the simulated Postgres does not know the expression: ${expression}`);
  const row = name[1] === "excluded" ? scope.excluded : scope.row;
  return row?.[name[2] ?? ""] ?? null;
}

/** The rows of COPY's text format (Postgres manual, "COPY"). */
export function copied(chunks: Iterable<string>, columns: readonly string[]): readonly Row[] {
  const lines = [...chunks].join("").split("\n").slice(0, -1);
  return lines.map((line) => {
    const cells = line.split("\t").map((cell) => (cell === "\\N" ? null : unescaped(cell)));
    return Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? null]));
  });
}

function unescaped(cell: string): string {
  return cell.replace(/\\(.)/g, (_, found: string) => ({ n: "\n", r: "\r", t: "\t" })[found] ?? found);
}

function printed(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "object")
    throw new Error(`the simulated Postgres takes no ${Buffer.isBuffer(value) ? "bytes" : "object"}`);
  return String(value);
}

function actionOf(text: string): Action {
  if (text === "do nothing") return { set: [], where: "" };
  const [, set = "", where = ""] = /^do update set (.+?)(?: where (.+))?$/.exec(text) ?? [];
  if (set === "") throw new Error(`the simulated Postgres does not know the action: ${text}`);
  return { set: list(set).map(assignment), where };
}

function assignment(text: string): Assignment {
  const [column = "", value = ""] = text.split(" = ");
  return { column, value };
}

/** Splits at commas that stand in no brackets. */
function list(text: string): readonly string[] {
  return text.split(/, (?![^(]*\))/);
}
