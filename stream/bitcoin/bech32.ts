/** A witness program (BIP 141): version 0 to 16 and 2 to 40 bytes. */
export interface WitnessProgram {
  readonly version: number;
  readonly program: Uint8Array;
}

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const SEPARATOR = "1";
const CHECKSUM_DIGITS = 6;
/** BIP 173: no Bech32 string is longer. */
const MAX_LENGTH = 90;
/** BIP 173: US-ASCII without control characters and space. */
const PRINTABLE = /^[!-~]*$/;
/** What the checksum of version 0 ends in (BIP 173), and that of all later versions (BIP 350). */
const BECH32 = 1;
const BECH32M = 0x2bc830a3;
/** The checksum's generator (BIP 173). */
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
/** Whether a witness version's program may have this length (BIP 141; version 0: Bitcoin Core's `DecodeDestination`). */
const MAX_VERSION = 16;
const [MIN_PROGRAM, MAX_PROGRAM] = [2, 40];
const VERSION_0_LENGTHS: readonly number[] = [20, 32];

/** The address of a witness program: Bech32 for version 0, Bech32m from 1 on. `prefix` in lower case. */
export function encodeSegwit(prefix: string, { version, program }: WitnessProgram): string {
  const data = [version, ...regroup(program, { from: 8, to: 5 }).groups];
  const check = polymod([...spread(prefix), ...data, 0, 0, 0, 0, 0, 0]) ^ finalOf(version);
  const checksum = Array.from({ length: CHECKSUM_DIGITS }, (_, index) => (check >> (5 * (5 - index))) & 31);
  return prefix + SEPARATOR + [...data, ...checksum].map((digit) => ALPHABET.charAt(digit)).join("");
}

/** The witness program of an address with this prefix; undefined where Bitcoin Core refuses it. */
export function decodeSegwit(prefix: string, text: string): WitnessProgram | undefined {
  if (text.length > MAX_LENGTH || !PRINTABLE.test(text)) return undefined;
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  const separator = lower.lastIndexOf(SEPARATOR);
  if (lower.slice(0, Math.max(separator, 0)) !== prefix) return undefined;
  const digits = Array.from(lower.slice(separator + 1), (digit) => ALPHABET.indexOf(digit));
  const [version] = digits;
  if (version === undefined || digits.length <= CHECKSUM_DIGITS || digits.includes(-1)) return undefined;
  if (polymod([...spread(prefix), ...digits]) !== finalOf(version)) return undefined;
  const { groups, rest, padding } = regroup(digits.slice(1, -CHECKSUM_DIGITS), { from: 5, to: 8 });
  if (rest >= 5 || padding !== 0) return undefined;
  return isProgram(version, groups.length) ? { version, program: Uint8Array.from(groups) } : undefined;
}

/** Whether an address of this witness version may have a program of this length. */
function isProgram(version: number, length: number): boolean {
  if (version === 0) return VERSION_0_LENGTHS.includes(length);
  return version <= MAX_VERSION && length >= MIN_PROGRAM && length <= MAX_PROGRAM;
}

function finalOf(version: number): number {
  return version === 0 ? BECH32 : BECH32M;
}

/** The human-readable part as the checksum takes it: high bits, a zero, low bits. */
function spread(prefix: string): readonly number[] {
  const codes = Array.from(prefix, (letter) => letter.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(values: readonly number[]): number {
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of GENERATOR.entries()) if ((top >> bit) & 1) check ^= generator;
  }
  return check;
}

/** Bits in groups of another size. The last group is filled with zeros when groups shrink; when they grow, the `rest` bits are `padding`. */
function regroup(groups: Iterable<number>, { from, to }: { readonly from: number; readonly to: number }) {
  const out: number[] = [];
  let bits = 0;
  let rest = 0;
  for (const group of groups) {
    bits = ((bits << from) | group) & 0xfff;
    rest += from;
    while (rest >= to) {
      rest -= to;
      out.push((bits >> rest) & ((1 << to) - 1));
    }
  }
  const padding = bits & ((1 << rest) - 1);
  if (to < from && rest > 0) out.push(padding << (to - rest));
  return { groups: out, rest, padding };
}
