import type { Address } from "../block.ts";

const DIGITS: readonly number[] = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const ZERO = 0x30;
const X = 0x78;

/** Bytes from `start` to `end` as Ethereum prints them: `0x` and lower-case hex. Made in one piece: as a map's key a joined string is twice as slow. */
export function hexOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const codes = [ZERO, X];
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] as number;
    codes.push(DIGITS[byte >> 4] as number, DIGITS[byte & 15] as number);
  }
  return String.fromCharCode.apply(undefined, codes);
}

/** The address that 20 bytes stand for. */
export function addressOf(bytes: Uint8Array): Address {
  return hexOf(bytes) as Address;
}

/** What an address takes. */
export const ADDRESS_BYTES = 20;

/** The address that the 20 bytes from `at` on stand for. */
export function addressAt(bytes: Uint8Array, at: number): Address {
  return hexOf(bytes, at, at + ADDRESS_BYTES) as Address;
}

/** The 20 bytes of an address. */
export function addressBytes(address: Address): Uint8Array {
  return Uint8Array.from({ length: ADDRESS_BYTES }, (_, index) =>
    Number.parseInt(address.slice(2 + index * 2, 4 + index * 2), 16),
  );
}

/** 48 bits are the most whole bytes that a double holds exactly. */
const CHUNK = 6;

/** The non-negative integer of the big-endian bytes from `start` to `end`, leading zeros allowed. */
export function bigintOf(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  let first = start;
  while (first < end && bytes[first] === 0) first += 1;
  let at = first + ((end - first) % CHUNK);
  let value = BigInt(chunkOf(bytes, first, at));
  for (; at < end; at += CHUNK) value = (value << 48n) | BigInt(chunkOf(bytes, at, at + CHUNK));
  return value;
}

function chunkOf(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) value = value * 256 + (bytes[index] as number);
  return value;
}
