/** A target in its compact form, as `nBits` of a header holds it. */
export type Bits = number;

/** The bits of the mantissa, and its sign's (Bitcoin Core, `arith_uint256.cpp`, `SetCompact`). */
const MANTISSA = 0x7fffff;
const SIGN = 0x800000;
/** A target is below 2^256. */
const END = 1n << 256n;

/** The target that `bits` stands for; undefined where that is negative, zero or more than 256 bits. */
export function targetOf(bits: Bits): bigint | undefined {
  const mantissa = BigInt(bits & MANTISSA);
  const shift = 8n * (BigInt(bits >>> 24) - 3n);
  const target = shift < 0n ? mantissa >> -shift : mantissa << shift;
  const isNegative = (bits & SIGN) !== 0;
  return isNegative || target === 0n || target >= END ? undefined : target;
}

/** The compact form of a target, which keeps its three highest bytes (`GetCompact`). */
export function bitsOf(target: bigint): Bits {
  const size = Math.ceil(target.toString(2).length / 8);
  const shift = 8n * BigInt(size - 3);
  const mantissa = Number(shift < 0n ? target << -shift : target >> shift);
  // The mantissa's highest bit is its sign: a byte more keeps it clear.
  return (mantissa & SIGN) === 0 ? size * 0x1000000 + mantissa : (size + 1) * 0x1000000 + (mantissa >> 8);
}

/** `bits` as `getblock` prints them. */
export function bitsText(bits: Bits): string {
  return bits.toString(16).padStart(8, "0");
}
