/** Bytes that are no JSON; `at` is where that shows. */
export class JsonMalformed extends Error {
  override readonly name = "JsonMalformed";
  readonly at: number;
  constructor(at: number) {
    super(`no JSON from byte ${at} on`);
    this.at = at;
  }
}

/** Where reading has come to. A large answer is read where it lies: as values it would take ten times its size. */
export interface JsonCursor {
  readonly bytes: Buffer;
  at: number;
}

/** Where a value stands. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Names of members that are wanted, with their bytes. */
export interface Names<Name extends string> {
  readonly all: readonly { readonly name: Name; readonly bytes: Uint8Array }[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const SPACE = 0x20;
/** Strings up to here are walked through byte by byte; for longer ones a native search pays. */
const SHORT_STRING = 48;

/** Names to look for in `members`. */
export function namesOf<Name extends string>(...names: readonly Name[]): Names<Name> {
  return { all: names.map((name) => ({ name, bytes: Buffer.from(name) })) };
}

/** Whether an object comes next. */
export function isObjectNext(cursor: JsonCursor): boolean {
  return next(cursor) === OBJECT;
}

/** Whether a list comes next. */
export function isListNext(cursor: JsonCursor): boolean {
  return next(cursor) === LIST;
}

/** Reads an object: calls `visit` at the value of each wanted member, which it must read or pass over; passes over all others. Throws `JsonMalformed`. */
export function members<Name extends string>(
  cursor: JsonCursor,
  wanted: Names<Name>,
  visit: (name: Name) => void,
): void {
  expectByte(cursor, OBJECT);
  if (next(cursor) === OBJECT_END) {
    cursor.at += 1;
    return;
  }
  for (;;) {
    if (next(cursor) !== QUOTE) throw new JsonMalformed(cursor.at);
    const from = cursor.at + 1;
    skipString(cursor);
    const name = nameAt(cursor.bytes, from, cursor.at - 1, wanted);
    expectByte(cursor, COLON);
    if (name === undefined) skip(cursor);
    else visit(name);
    if (endsAfter(cursor, OBJECT_END)) return;
  }
}

/** Reads a list: calls `visit` at each item, which it must read or pass over. Throws `JsonMalformed`. */
export function items(cursor: JsonCursor, visit: (index: number) => void): void {
  expectByte(cursor, LIST);
  if (next(cursor) === LIST_END) {
    cursor.at += 1;
    return;
  }
  for (let index = 0; ; index += 1) {
    visit(index);
    if (endsAfter(cursor, LIST_END)) return;
  }
}

/** Passes over one value, and says where it stands. Throws `JsonMalformed`. */
export function skip(cursor: JsonCursor): Span {
  const first = next(cursor);
  const from = cursor.at;
  if (first === QUOTE) skipString(cursor);
  else if (first === OBJECT || first === LIST) skipNested(cursor);
  else skipWord(cursor);
  return { from, to: cursor.at };
}

/** Reads one value as JavaScript has it. Throws `JsonMalformed`. */
export function readValue(cursor: JsonCursor): unknown {
  const { from, to } = skip(cursor);
  try {
    return JSON.parse(cursor.bytes.toString("utf8", from, to));
  } catch {
    throw new JsonMalformed(from);
  }
}

/** Nothing but space may follow. Throws `JsonMalformed`. */
export function expectEnd(cursor: JsonCursor): void {
  if (next(cursor) !== undefined) throw new JsonMalformed(cursor.at);
}

/** The next byte that is no space, which stays where it is; undefined at the end. */
function next(cursor: JsonCursor): number | undefined {
  const { bytes } = cursor;
  while (cursor.at < bytes.length && (bytes[cursor.at] as number) <= SPACE) cursor.at += 1;
  return bytes[cursor.at];
}

function expectByte(cursor: JsonCursor, byte: number): void {
  if (next(cursor) !== byte) throw new JsonMalformed(cursor.at);
  cursor.at += 1;
}

/** After a value: whether the list or object ends, or goes on after a comma. */
function endsAfter(cursor: JsonCursor, end: number): boolean {
  const byte = next(cursor);
  if (byte !== end && byte !== COMMA) throw new JsonMalformed(cursor.at);
  cursor.at += 1;
  return byte === end;
}

function nameAt<Name extends string>(
  bytes: Uint8Array,
  from: number,
  to: number,
  wanted: Names<Name>,
): Name | undefined {
  for (const { name, bytes: own } of wanted.all) {
    if (own.length !== to - from) continue;
    let same = 0;
    while (same < own.length && bytes[from + same] === own[same]) same += 1;
    if (same === own.length) return name;
  }
  return undefined;
}

function skipString(cursor: JsonCursor): void {
  const { bytes } = cursor;
  const start = cursor.at + 1;
  let at = start;
  for (;;) {
    while (at < start + SHORT_STRING && at < bytes.length && bytes[at] !== QUOTE) at += 1;
    if (bytes[at] !== QUOTE) at = bytes.indexOf(QUOTE, at);
    if (at < 0 || at >= bytes.length) throw new JsonMalformed(bytes.length);
    let escapes = 0;
    while (bytes[at - 1 - escapes] === BACKSLASH) escapes += 1;
    at += 1;
    if (escapes % 2 === 0) break;
  }
  cursor.at = at;
}

/** Passes over a list or object by counting brackets. */
function skipNested(cursor: JsonCursor): void {
  const { bytes } = cursor;
  let depth = 0;
  do {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw new JsonMalformed(bytes.length);
    if (byte === QUOTE) {
      skipString(cursor);
      continue;
    }
    if (byte === OBJECT || byte === LIST) depth += 1;
    if (byte === OBJECT_END || byte === LIST_END) depth -= 1;
    cursor.at += 1;
  } while (depth > 0);
}

/** Passes over a number, `true`, `false` or `null`. */
function skipWord(cursor: JsonCursor): void {
  const { bytes } = cursor;
  const from = cursor.at;
  while (cursor.at < bytes.length && isWordByte(bytes[cursor.at] as number)) cursor.at += 1;
  if (cursor.at === from) throw new JsonMalformed(from);
}

/** Digits, letters, and what stands in numbers. */
function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2e ||
    byte === 0x2d ||
    byte === 0x2b
  );
}
