/** The little-endian unsigned 32-bit integer at `at`; the caller knows that four bytes are there. */
export function uint32At(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  return high * 0x1_0000 + low;
}

/** Whether two byte strings are the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && standsAt(one, 0, other);
}

/** Whether `part` stands in `bytes` at `at`; the caller knows that so many bytes are there. */
export function standsAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let index = 0; index < part.length; index += 1) if (bytes[at + index] !== part[index]) return false;
  return true;
}
