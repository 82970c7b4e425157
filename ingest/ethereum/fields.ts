import { closeList, closeString, reserve, type Tape } from "./tape.ts";

/** An object of a node's answer: nothing in it is trusted before a field reader has seen it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A field of a node's answer that is missing or not what its kind allows. */
export class FieldInvalid extends Error {
  override readonly name = "FieldInvalid";
  readonly field: string;
  readonly reason: string;
  constructor(field: string, reason: string) {
    super(`${field} ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}

/** A named field and how its value is written onto a tape. Throws `FieldInvalid`. */
export interface Field {
  readonly name: string;
  readonly put: (tape: Tape, value: unknown, name: string) => void;
}

/** Bytes: exactly `length`, or any number where that is undefined. */
export function data(name: string, length?: number): Field {
  return { name, put: (tape, value) => putData(tape, value, { name, length }) };
}

/** A number that fits `bytes` bytes, written without leading zeros as JSON-RPC's quantities are. */
export function quantity(name: string, bytes: number): Field {
  return { name, put: (tape, value) => putQuantity(tape, value, { name, bytes, padded: false }) };
}

/** A part of a signature: a number of up to 32 bytes; some nodes print it with its leading zeros. */
export function scalar(name: string): Field {
  return { name, put: (tape, value) => putQuantity(tape, value, { name, bytes: 32, padded: true }) };
}

/** Writes the fields of `source` in their order. */
export function putFields(tape: Tape, source: JsonObject, fields: readonly Field[]): void {
  for (let index = fields.length - 1; index >= 0; index -= 1) {
    const field = fields[index];
    if (field !== undefined) field.put(tape, source[field.name], field.name);
  }
}

/** Writes a list: each item by `put`, in order. An item's fault is named by its place. */
export function putItems<T>(
  tape: Tape,
  name: string,
  items: readonly T[],
  put: (tape: Tape, item: T) => void,
): void {
  const mark = tape.used;
  let index = items.length - 1;
  try {
    for (; index >= 0; index -= 1) put(tape, items[index] as T);
  } catch (cause) {
    if (!(cause instanceof FieldInvalid)) throw cause;
    throw new FieldInvalid(`${name}[${index}]${cause.field === "" ? "" : `.${cause.field}`}`, cause.reason);
  }
  closeList(tape, mark);
}

/** The value as an array. Throws `FieldInvalid`. */
export function arrayOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FieldInvalid(name, `is ${shown(value)}, not a list`);
  return value;
}

/** The value as an object. Throws `FieldInvalid`. */
export function objectOf(value: unknown, name: string): JsonObject {
  if (!isObject(value)) throw new FieldInvalid(name, `is ${shown(value)}, not an object`);
  return value;
}

/** Whether the value is an object with fields. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a field is absent; some nodes print null for what a block does not have. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** The bytes of a `0x…` text; exactly `length`, or any number where that is undefined. Throws `FieldInvalid`. */
export function bytesOf(value: unknown, name: string, length?: number): Uint8Array {
  const text = hexOf(value, name);
  checkDataLength(text, { name, length });
  const bytes = Buffer.allocUnsafeSlow((text.length - 2) / 2);
  writeHex(bytes, 0, text, name);
  return new Uint8Array(bytes.buffer, 0, bytes.length);
}

/** The number of a JSON-RPC quantity of up to `bytes` bytes. Throws `FieldInvalid`. */
export function quantityOf(value: unknown, name: string, bytes = 32): bigint {
  const text = hexOf(value, name);
  checkQuantity(text, { name, bytes, padded: false });
  return BigInt(text);
}

/** Writes a byte string from its `0x…` text. Throws `FieldInvalid`. */
export function putData(
  tape: Tape,
  value: unknown,
  form: { readonly name: string; readonly length: number | undefined },
): void {
  const text = hexOf(value, form.name);
  checkDataLength(text, form);
  const mark = tape.used;
  const size = (text.length - 2) / 2;
  const start = reserve(tape, size);
  writeHex(tape.bytes, start, text, form.name);
  closeString(tape, mark);
}

interface QuantityForm {
  readonly name: string;
  readonly bytes: number;
  readonly padded: boolean;
}

function putQuantity(tape: Tape, value: unknown, form: QuantityForm): void {
  const text = hexOf(value, form.name);
  const first = checkQuantity(text, form);
  const mark = tape.used;
  const size = (text.length - first + 1) >> 1;
  const start = reserve(tape, size);
  for (let at = size - 1, end = text.length; at >= 0; at -= 1, end -= 2) {
    const low = nibble(text, end - 1);
    const high = end - 2 >= first ? nibble(text, end - 2) : 0;
    if (low < 0 || high < 0) throw new FieldInvalid(form.name, `is ${shown(text)}, not hexadecimal`);
    tape.bytes[start + at] = (high << 4) | low;
  }
  closeString(tape, mark);
}

/** Where the quantity's first digit that is not zero stands. */
function checkQuantity(text: string, form: QuantityForm): number {
  let first = 2;
  while (first < text.length && text.charCodeAt(first) === 0x30) first += 1;
  const canonical = first === 2 ? text.length > 2 : form.padded || text === "0x0";
  if (!canonical) throw new FieldInvalid(form.name, `is ${shown(text)}, not a quantity`);
  if (text.length - first > form.bytes * 2) {
    throw new FieldInvalid(form.name, `is ${shown(text)}, more than ${form.bytes} bytes hold`);
  }
  return first;
}

function checkDataLength(
  text: string,
  form: { readonly name: string; readonly length: number | undefined },
): void {
  if (text.length % 2 === 1) throw new FieldInvalid(form.name, "has an odd number of digits");
  if (form.length !== undefined && text.length !== 2 + form.length * 2) {
    throw new FieldInvalid(form.name, `has ${(text.length - 2) / 2} bytes instead of ${form.length}`);
  }
}

function hexOf(value: unknown, name: string): string {
  if (isAbsent(value)) throw new FieldInvalid(name, "is missing");
  if (typeof value !== "string" || value.charCodeAt(0) !== 0x30 || value.charCodeAt(1) !== 0x78) {
    throw new FieldInvalid(name, `is ${shown(value)}, not a 0x text`);
  }
  return value;
}

/** Above this many digits the native decoder is faster than a loop (measured on Node 20). */
const NATIVE_DIGITS = 80;

function writeHex(bytes: Buffer, start: number, text: string, name: string): void {
  const size = (text.length - 2) / 2;
  if (text.length > NATIVE_DIGITS) {
    const done = bytes.write(text.slice(2), start, size, "hex");
    if (done !== size) throw new FieldInvalid(name, "is not hexadecimal");
    return;
  }
  for (let at = 0, digit = 2; at < size; at += 1, digit += 2) {
    const high = nibble(text, digit);
    const low = nibble(text, digit + 1);
    if (high < 0 || low < 0) throw new FieldInvalid(name, `is ${shown(text)}, not hexadecimal`);
    bytes[start + at] = (high << 4) | low;
  }
}

const NIBBLES = new Int8Array(128).fill(-1);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  NIBBLES[digit.charCodeAt(0)] = value;
  NIBBLES[digit.toUpperCase().charCodeAt(0)] = value;
}

function nibble(text: string, at: number): number {
  return NIBBLES[text.charCodeAt(at)] ?? -1;
}

/** A value as an error shows it: short, whatever the node sent. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(JSON.stringify(value));
  return text.length <= 90 ? text : `${text.slice(0, 80)}…`;
}
