import { HEADER_BYTES, MAX_MONEY } from "../../stream/bitcoin/parse.ts";
import type { Span } from "./json-scan.ts";
import type { BitcoinProof } from "./prover.ts";
import { ProofRefused } from "./refuse.ts";
import type { ScannedBlock, ScannedOutput } from "./scan-block.ts";

/** A raw value and where in it the spent outputs begin. */
export interface RawValue {
  readonly value: Uint8Array;
  readonly spentAt: number;
}

/** An amount's places after the point: one satoshi is the last of eight. */
const PLACES = 8;
/** How JSON may print an amount; Bitcoin Core uses 17 letters at most: longer ones are not worth reading. */
const AMOUNT = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,2}))?$/i;
const LONGEST_AMOUNT = 40;
const VALUE_BYTES = 8;
/** The longest form of a count. */
const COUNT_BYTES = 9;
const QUOTE = 0x22;

/** The raw value of a block whose parts stand in `json`, as the spans of `block` say. Throws `ProofRefused`. */
export function encodeScanned(json: Buffer, block: ScannedBlock): RawValue {
  const { header, transactions } = block;
  const tape: Tape = { json, bytes: Buffer.allocUnsafeSlow(sizeOf(block)), at: HEADER_BYTES };
  tape.bytes.set(header, 0);
  putCount(tape, transactions.length);
  for (const [index, { hex }] of transactions.entries()) putHex(tape, hex, "merkle", `hex of tx ${index}`);
  const spentAt = tape.at;
  putCount(tape, transactions.length);
  for (const [index, { spent }] of transactions.entries()) {
    putCount(tape, spent.length);
    for (const [place, output] of spent.entries()) putOutput(tape, output, `prevout ${place} of tx ${index}`);
  }
  return { value: new Uint8Array(tape.bytes.subarray(0, tape.at)), spentAt };
}

/** An amount in BTC as a text, in satoshi; undefined where it is none or not whole. */
export function satoshiOf(text: string): bigint | undefined {
  const match = text.length > LONGEST_AMOUNT ? null : AMOUNT.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const places = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  if (places <= PLACES) return digits * 10n ** BigInt(PLACES - places);
  const unit = 10n ** BigInt(places - PLACES);
  return digits % unit === 0n ? digits / unit : undefined;
}

/** Bytes that are written from the front, out of a text. */
interface Tape {
  readonly json: Buffer;
  readonly bytes: Buffer;
  at: number;
}

function sizeOf({ transactions }: ScannedBlock): number {
  const hexBytes = (span: Span | undefined) => (span === undefined ? 0 : (span.to - span.from) >> 1);
  let size = HEADER_BYTES + 2 * COUNT_BYTES;
  for (const { hex, spent } of transactions) {
    size += hexBytes(hex) + COUNT_BYTES;
    for (const { script } of spent) size += VALUE_BYTES + COUNT_BYTES + hexBytes(script);
  }
  return size;
}

function putOutput(tape: Tape, { value, script }: ScannedOutput, what: string): void {
  const satoshi =
    value === undefined ? undefined : satoshiOf(tape.json.toString("latin1", value.from, value.to));
  if (satoshi === undefined || satoshi > MAX_MONEY) {
    throw new ProofRefused("spent", `${what} has no value of up to 21 million BTC`);
  }
  tape.at = tape.bytes.writeBigUInt64LE(satoshi, tape.at);
  if (script === undefined || tape.json[script.from] !== QUOTE) {
    throw new ProofRefused("spent", `${what} has no script`);
  }
  putCount(tape, (script.to - script.from - 2) >> 1);
  putHex(tape, script, "spent", `script of ${what}`);
}

/** Writes what stands in hex between quotes. */
function putHex(tape: Tape, { from, to }: Span, proof: BitcoinProof, what: string): void {
  const { json, bytes, at } = tape;
  const digits = to - from - 2;
  const written =
    json[from] === QUOTE ? bytes.write(json.toString("latin1", from + 1, to - 1), at, "hex") : 0;
  if (written * 2 !== digits) throw new ProofRefused(proof, `${what} is not in hex`);
  tape.at = at + written;
}

/** A count in its shortest form (Bitcoin Core, `WriteCompactSize`). */
function putCount(tape: Tape, count: number): void {
  const { bytes, at } = tape;
  if (count < 0xfd) tape.at = bytes.writeUInt8(count, at);
  else if (count <= 0xffff) tape.at = bytes.writeUInt16LE(count, bytes.writeUInt8(0xfd, at));
  else tape.at = bytes.writeUInt32LE(count, bytes.writeUInt8(0xfe, at));
}
