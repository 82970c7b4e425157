import type { WitnessProgram } from "./bech32.ts";
import type { BitcoinHashes } from "./block.ts";

/** The scriptPubKeys that have an address (Bitcoin Core, `script/solver.cpp`); bare multisig and all others have none. */
export type Template = "pubkeyHash" | "scriptHash" | "witness" | "pubkey";

/** RIPEMD-160 over SHA-256 gives this many bytes. */
export const HASH_BYTES = 20;

const OP_0 = 0x00;
const OP_1 = 0x51;
const OP_16 = 0x60;
const OP_DUP = 0x76;
const OP_EQUAL = 0x87;
const OP_EQUALVERIFY = 0x88;
const OP_HASH160 = 0xa9;
const OP_CHECKSIG = 0xac;
/** A public key's length by its first byte: compressed 33 bytes; uncompressed and hybrid 65 (Bitcoin Core, `pubkey.h`). */
const COMPRESSED = { length: 33, first: [2, 3] };
const UNCOMPRESSED = { length: 65, first: [4, 6, 7] };

/** Where a scriptPubKey stands in `bytes`. */
export interface ScriptSpan {
  readonly scriptAt: number;
  readonly scriptEnd: number;
}

/** Which template a scriptPubKey follows; undefined: it has no address. Every script of every block comes by here. */
export function templateOf(bytes: Uint8Array, { scriptAt, scriptEnd }: ScriptSpan): Template | undefined {
  const length = scriptEnd - scriptAt;
  switch (bytes[scriptAt]) {
    case OP_DUP:
      return length === 25 && isPubkeyHash(bytes, scriptAt) ? "pubkeyHash" : undefined;
    case OP_HASH160:
      return length === 23 && bytes[scriptAt + 1] === HASH_BYTES && bytes[scriptEnd - 1] === OP_EQUAL
        ? "scriptHash"
        : undefined;
    case COMPRESSED.length:
      return isPubkey(bytes, { scriptAt, scriptEnd }, COMPRESSED) ? "pubkey" : undefined;
    case UNCOMPRESSED.length:
      return isPubkey(bytes, { scriptAt, scriptEnd }, UNCOMPRESSED) ? "pubkey" : undefined;
    default:
      return isWitness(bytes, scriptAt, length) ? "witness" : undefined;
  }
}

/** The script by which outputs of one address are known: a bare public key's is that of its hash; undefined: no address. */
export function canonicalScript(script: Uint8Array, hashes: BitcoinHashes): Uint8Array | undefined {
  const template = templateOf(script, { scriptAt: 0, scriptEnd: script.length });
  if (template === undefined) return undefined;
  if (template !== "pubkey") return script;
  return pubkeyHashScript(hashes.ripemd160(hashes.sha256(script.subarray(1, -1))));
}

/** The script of a public key's hash. */
export function pubkeyHashScript(hash: Uint8Array): Uint8Array {
  return Uint8Array.of(OP_DUP, OP_HASH160, HASH_BYTES, ...hash, OP_EQUALVERIFY, OP_CHECKSIG);
}

/** The script of a script's hash (BIP 16). */
export function scriptHashScript(hash: Uint8Array): Uint8Array {
  return Uint8Array.of(OP_HASH160, HASH_BYTES, ...hash, OP_EQUAL);
}

/** The script of a witness program (BIP 141). */
export function witnessScript({ version, program }: WitnessProgram): Uint8Array {
  return Uint8Array.of(version === 0 ? OP_0 : OP_1 + version - 1, program.length, ...program);
}

/** The witness program that a script of template `witness` holds. */
export function witnessProgram(script: Uint8Array): WitnessProgram {
  const opcode = script[0] ?? OP_0;
  return { version: opcode === OP_0 ? 0 : opcode - OP_1 + 1, program: script.subarray(2) };
}

function isPubkeyHash(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 1] === OP_HASH160 &&
    bytes[at + 2] === HASH_BYTES &&
    bytes[at + 23] === OP_EQUALVERIFY &&
    bytes[at + 24] === OP_CHECKSIG
  );
}

function isPubkey(
  bytes: Uint8Array,
  { scriptAt, scriptEnd }: ScriptSpan,
  form: { readonly length: number; readonly first: readonly number[] },
): boolean {
  return (
    scriptEnd - scriptAt === form.length + 2 &&
    form.first.includes(bytes[scriptAt + 1] as number) &&
    bytes[scriptEnd - 1] === OP_CHECKSIG
  );
}

/** A version and one push of 2 to 40 bytes; version 0 stands for a key's hash (20) or a script's (32), and nothing else. */
function isWitness(bytes: Uint8Array, at: number, length: number): boolean {
  const program = length - 2;
  if (program < 2 || program > 40 || bytes[at + 1] !== program) return false;
  const opcode = bytes[at] as number;
  if (opcode === OP_0) return program === HASH_BYTES || program === 32;
  return opcode >= OP_1 && opcode <= OP_16;
}
