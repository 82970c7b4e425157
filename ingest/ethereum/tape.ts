/**
 * RLP being written from its end to its beginning: a list's length is known when its header is due,
 * so that JSON becomes consensus bytes in one pass, without a tree between.
 * The last `used` bytes of `bytes` are written.
 */
export interface Tape {
  bytes: Buffer;
  used: number;
}

/** A tape with room for `capacity` bytes; it grows when that is not enough. */
export function openTape(capacity: number): Tape {
  return { bytes: Buffer.allocUnsafeSlow(Math.max(capacity, 1024)), used: 0 };
}

/** What was written since the tape's `used` was `mark`: a view, which later writes leave as it is. Views of plain arrays are cheaper than those of Buffers. */
export function written(tape: Tape, mark: number): Uint8Array {
  const { bytes, used } = tape;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + bytes.length - used, used - mark);
}

/** Makes room for `count` bytes before what is written; returns where they begin. `bytes` may be another buffer after it. */
export function reserve(tape: Tape, count: number): number {
  if (tape.used + count > tape.bytes.length) grow(tape, count);
  tape.used += count;
  return tape.bytes.length - tape.used;
}

/** Writes bytes as they are. */
export function putRaw(tape: Tape, bytes: Uint8Array): void {
  const start = reserve(tape, bytes.length);
  tape.bytes.set(bytes, start);
}

/** Writes one byte as it is. */
export function putByte(tape: Tape, byte: number): void {
  const at = reserve(tape, 1);
  tape.bytes[at] = byte;
}

/** Writes a byte string with its header. */
export function putString(tape: Tape, bytes: Uint8Array): void {
  const mark = tape.used;
  putRaw(tape, bytes);
  closeString(tape, mark);
}

/** Puts the header before the byte string that was written since `mark`. */
export function closeString(tape: Tape, mark: number): void {
  const length = tape.used - mark;
  const single = length === 1 && (tape.bytes[tape.bytes.length - tape.used] ?? 0) < 0x80;
  if (!single) putHeader(tape, length, 0x80);
}

/** Puts the header before the list whose items were written since `mark`. */
export function closeList(tape: Tape, mark: number): void {
  putHeader(tape, tape.used - mark, 0xc0);
}

function putHeader(tape: Tape, length: number, base: number): void {
  if (length <= 55) {
    putByte(tape, base + length);
    return;
  }
  let size = 0;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
    putByte(tape, rest % 256);
    size += 1;
  }
  putByte(tape, base + 55 + size);
}

function grow(tape: Tape, count: number): void {
  const bytes = Buffer.allocUnsafeSlow((tape.bytes.length + count) * 2);
  bytes.set(tape.bytes.subarray(tape.bytes.length - tape.used), bytes.length - tape.used);
  tape.bytes = bytes;
}
