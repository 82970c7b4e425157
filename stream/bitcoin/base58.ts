import type { Sha256 } from "./block.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const ZERO = "1";
const CHECKSUM_BYTES = 4;
/** 25 bytes, version, hash and checksum, take at most 35 digits. */
const MAX_DIGITS = 35;
/** The most digits, and the most whole bytes, that a double holds exactly: big integers are slow, so they take them at once. */
const CHUNK_DIGITS = 9;
const CHUNK = 58n ** BigInt(CHUNK_DIGITS);
const CHUNK_BYTES = 6;
/** What C's `isspace` takes; Bitcoin Core's `DecodeBase58` passes over it on both sides. */
const SPACE_AROUND = /^[ \f\n\r\t\v]+|[ \f\n\r\t\v]+$/g;

/** Base58Check: bytes and the first four bytes of their double SHA-256, as digits. */
export function encodeBase58Check(payload: Uint8Array, sha256: Sha256): string {
  const bytes = new Uint8Array(payload.length + CHECKSUM_BYTES);
  bytes.set(payload);
  bytes.set(checksumOf(payload, sha256), payload.length);
  let digits = "";
  for (let rest = bigEndian(bytes); rest > 0n; rest /= CHUNK)
    digits = digitsOf(Number(rest % CHUNK)) + digits;
  return ZERO.repeat(leadingZeros(bytes)) + digits.replace(/^1+/, "");
}

/** The bytes that Base58Check digits of an address stand for, without checksum; undefined where Bitcoin Core refuses them. */
export function decodeBase58Check(text: string, sha256: Sha256): Uint8Array | undefined {
  const bytes = decodeBase58(text.replace(SPACE_AROUND, ""));
  if (bytes === undefined || bytes.length < CHECKSUM_BYTES) return undefined;
  const payload = bytes.subarray(0, -CHECKSUM_BYTES);
  const checksum = checksumOf(payload, sha256);
  return bytes.subarray(-CHECKSUM_BYTES).every((byte, index) => byte === checksum[index])
    ? payload
    : undefined;
}

function decodeBase58(text: string): Uint8Array | undefined {
  if (text.length > MAX_DIGITS) return undefined;
  const digits = Array.from(text, (digit) => ALPHABET.indexOf(digit));
  if (digits.includes(-1)) return undefined;
  let value = 0n;
  for (let at = 0; at < digits.length; at += CHUNK_DIGITS) {
    const chunk = digits.slice(at, at + CHUNK_DIGITS);
    const part = chunk.reduce((sum, digit) => sum * 58 + digit, 0);
    value = value * 58n ** BigInt(chunk.length) + BigInt(part);
  }
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return Uint8Array.from([...new Array<number>(leadingZeros(digits)).fill(0), ...bytes.reverse()]);
}

/** The digits of one chunk, zeros in front. */
function digitsOf(chunk: number): string {
  let digits = "";
  let rest = chunk;
  for (let digit = 0; digit < CHUNK_DIGITS; digit += 1) {
    digits = ALPHABET.charAt(rest % 58) + digits;
    rest = Math.floor(rest / 58);
  }
  return digits;
}

function checksumOf(payload: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(sha256(payload)).subarray(0, CHECKSUM_BYTES);
}

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const end = Math.min(at + CHUNK_BYTES, bytes.length);
    let part = 0;
    for (let index = at; index < end; index += 1) part = part * 256 + (bytes[index] as number);
    value = (value << BigInt(8 * (end - at))) | BigInt(part);
  }
  return value;
}

function leadingZeros(items: ArrayLike<number>): number {
  let count = 0;
  while (count < items.length && items[count] === 0) count += 1;
  return count;
}
