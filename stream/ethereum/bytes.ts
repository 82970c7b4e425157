import type { Address } from "../block.ts";

const DIGITS: readonly number[] = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const ZERO = 0x30;
const X = 0x78;

/** Bytes as Ethereum prints them: `0x` and lower-case hex. Made in one piece: as a map's key a joined string is twice as slow. */
export function hexOf(bytes: Uint8Array): string {
  const codes = [ZERO, X];
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number;
    codes.push(DIGITS[byte >> 4] as number, DIGITS[byte & 15] as number);
  }
  return String.fromCharCode.apply(undefined, codes);
}

/** The address that 20 bytes stand for. */
export function addressOf(bytes: Uint8Array): Address {
  return hexOf(bytes) as Address;
}

/** The 20 bytes of an address. */
export function addressBytes(address: Address): Uint8Array {
  return Uint8Array.from({ length: 20 }, (_, index) =>
    Number.parseInt(address.slice(2 + index * 2, 4 + index * 2), 16),
  );
}

/** 48 bits are the most whole bytes that a double holds exactly. */
const CHUNK = 6;

/** The non-negative integer of big-endian bytes, leading zeros allowed. */
export function bigintOf(bytes: Uint8Array): bigint {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  let end = at + ((bytes.length - at) % CHUNK);
  let value = BigInt(chunkOf(bytes, at, end));
  while (end < bytes.length) {
    value = (value << 48n) | BigInt(chunkOf(bytes, end, end + CHUNK));
    end += CHUNK;
  }
  return value;
}

/** Whether two byte strings are the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
}

function chunkOf(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) value = value * 256 + (bytes[index] as number);
  return value;
}
