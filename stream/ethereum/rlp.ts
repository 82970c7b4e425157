/** RLP (Ethereum yellow paper, appendix B): a byte string or a list of items. */
export type RlpItem = Uint8Array | readonly RlpItem[];

/** Bytes that are no canonical RLP; `at` is the byte where that shows. */
export class RlpInvalid extends Error {
  override readonly name = "RlpInvalid";
  readonly at: number;
  constructor(reason: string, at: number) {
    super(`invalid RLP at byte ${at}: ${reason}`);
    this.at = at;
  }
}

/** Where an item's header ends and its payload ends. */
export interface Span {
  readonly list: boolean;
  readonly start: number;
  readonly end: number;
}

/** Decodes one canonical item that fills `bytes` whole; byte strings are views. Throws `RlpInvalid`. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const span = spanAt(bytes, 0, bytes.length);
  if (span.end !== bytes.length) throw new RlpInvalid("trailing bytes", span.end);
  return itemOf(bytes, span);
}

/** Checks that one canonical item fills `bytes` from `at` to `end`, with all that it holds, and makes nothing of it. Throws `RlpInvalid`. */
export function checkRlp(bytes: Uint8Array, at: number, end: number): void {
  const last = checkedEnd(bytes, at, end);
  if (last !== end) throw new RlpInvalid("trailing bytes", last);
}

/** The spans of a list's items. Throws `RlpInvalid`. */
export function spansOf(bytes: Uint8Array, list: Span): readonly Span[] {
  const spans: Span[] = [];
  for (let at = list.start; at < list.end; ) {
    const span = spanAt(bytes, at, list.end);
    spans.push(span);
    at = span.end;
  }
  return spans;
}

/** Where the header of a list with that payload begins. */
export function listHeaderAt({ start, end }: Span): number {
  return start - headerLength(end - start);
}

/** The encoded items of the list that fills `bytes` whole, each with its own header, as views. Throws `RlpInvalid`. */
export function listItems(bytes: Uint8Array): readonly Uint8Array[] {
  const outer = spanAt(bytes, 0, bytes.length);
  if (!outer.list) throw new RlpInvalid("a list was expected", 0);
  if (outer.end !== bytes.length) throw new RlpInvalid("trailing bytes", outer.end);
  const items: Uint8Array[] = [];
  for (let at = outer.start; at < outer.end; ) {
    const { end } = spanAt(bytes, at, outer.end);
    items.push(bytes.subarray(at, end));
    at = end;
  }
  return items;
}

/** Encodes an item. */
export function encodeRlp(item: RlpItem): Uint8Array {
  const out = new Uint8Array(encodedLength(item));
  write(item, out, 0);
  return out;
}

/** Wraps items that are encoded already into a list. */
export function encodeList(encoded: readonly Uint8Array[]): Uint8Array {
  const length = encoded.reduce((sum, one) => sum + one.length, 0);
  const out = new Uint8Array(headerLength(length) + length);
  let at = writeHeader({ out, at: 0, length, base: 0xc0 });
  for (const one of encoded) {
    out.set(one, at);
    at += one.length;
  }
  return out;
}

/** A non-negative integer as RLP holds it: big-endian without leading zeros, zero as no bytes. */
export function uintBytes(value: bigint | number): Uint8Array {
  if (value < 0) throw new RangeError(`${value} is negative`);
  let digits = value.toString(16);
  if (digits === "0") return new Uint8Array(0);
  if (digits.length % 2 === 1) digits = `0${digits}`;
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** The integer that canonical big-endian bytes stand for. Throws `RlpInvalid` on a leading zero. */
export function uintOf(bytes: Uint8Array): bigint {
  if (bytes[0] === 0) throw new RlpInvalid("an integer begins with a zero byte", 0);
  if (bytes.length <= 6) return BigInt(smallUint(bytes));
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function smallUint(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

function itemOf(bytes: Uint8Array, span: Span): RlpItem {
  if (!span.list) return bytes.subarray(span.start, span.end);
  return spansOf(bytes, span).map((inner) => itemOf(bytes, inner));
}

/** Where the item at `at` ends; a short string, as most items are, is checked without a span. */
function checkedEnd(bytes: Uint8Array, at: number, limit: number): number {
  const prefix = bytes[at] ?? 0;
  if (at < limit && prefix <= 0xb7 && prefix !== 0x81) {
    const end = at + 1 + Math.max(0, prefix - 0x80);
    if (end <= limit) return end;
  }
  const span = spanAt(bytes, at, limit);
  if (span.list) for (let inner = span.start; inner < span.end; ) inner = checkedEnd(bytes, inner, span.end);
  return span.end;
}

/** Where the payload of the item at `at` stands, which must end by `limit`: for what reads a list without an array for each item. Throws `RlpInvalid`. */
export function spanAt(bytes: Uint8Array, at: number, limit: number): Span {
  const prefix = bytes[at];
  if (prefix === undefined || at >= limit) throw new RlpInvalid("an item was expected", at);
  if (prefix < 0x80) return { list: false, start: at, end: at + 1 };
  const list = prefix >= 0xc0;
  const short = prefix - (list ? 0xc0 : 0x80);
  const header = short <= 55 ? { start: at + 1, length: short } : longHeader(bytes, at, short - 55);
  const end = header.start + header.length;
  if (end > limit) throw new RlpInvalid("an item is longer than what holds it", at);
  if (!list && header.length === 1 && short === 1 && (bytes[header.start] ?? 0) < 0x80) {
    throw new RlpInvalid("a single low byte stands for itself", at);
  }
  return { list, start: header.start, end };
}

function longHeader(bytes: Uint8Array, at: number, size: number): { start: number; length: number } {
  const start = at + 1 + size;
  if (start > bytes.length || size > 6) throw new RlpInvalid("the length is cut off or too large", at);
  let length = 0;
  for (let digit = at + 1; digit < start; digit += 1) length = length * 256 + (bytes[digit] ?? 0);
  if (bytes[at + 1] === 0 || length <= 55) throw new RlpInvalid("the length is not in its shortest form", at);
  return { start, length };
}

function encodedLength(item: RlpItem): number {
  const length = payloadLength(item);
  return isSelf(item) ? 1 : headerLength(length) + length;
}

function payloadLength(item: RlpItem): number {
  if (item instanceof Uint8Array) return item.length;
  let length = 0;
  for (const inner of item) length += encodedLength(inner);
  return length;
}

/** A byte below 0x80 is its own encoding. */
function isSelf(item: RlpItem): boolean {
  return item instanceof Uint8Array && item.length === 1 && (item[0] ?? 0) < 0x80;
}

function headerLength(length: number): number {
  return length <= 55 ? 1 : 1 + digitsOf(length);
}

/** How many bytes a length takes. */
function digitsOf(length: number): number {
  let digits = 1;
  for (let rest = length; rest > 0xff; rest = Math.floor(rest / 256)) digits += 1;
  return digits;
}

function write(item: RlpItem, out: Uint8Array, at: number): number {
  if (item instanceof Uint8Array) {
    const start = isSelf(item) ? at : writeHeader({ out, at, length: item.length, base: 0x80 });
    out.set(item, start);
    return start + item.length;
  }
  let next = writeHeader({ out, at, length: payloadLength(item), base: 0xc0 });
  for (const inner of item) next = write(inner, out, next);
  return next;
}

function writeHeader(header: { out: Uint8Array; at: number; length: number; base: number }): number {
  const { out, at, length, base } = header;
  if (length <= 55) {
    out[at] = base + length;
    return at + 1;
  }
  const digits = digitsOf(length);
  out[at] = base + 55 + digits;
  for (let rest = length, last = at + digits; last > at; last -= 1, rest = Math.floor(rest / 256)) {
    out[last] = rest % 256;
  }
  return at + 1 + digits;
}
