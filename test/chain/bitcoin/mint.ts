import type { Body, BodyTx } from "./bodies.ts";
import {
  branchOfFirst,
  compactSize,
  counted,
  type Output,
  outputBytes,
  plainRoot,
  rootAbove,
  sha256d,
  shown,
  spentBytes,
  uint32,
} from "./bytes.ts";

/** A block's transactions but for the coinbase, with all that does not depend on its place in a chain. */
export interface Pressed {
  readonly transactions: readonly BodyTx[];
  readonly paid: readonly Output[];
  readonly bytes: Buffer;
  readonly spent: Buffer;
  readonly feesSat: bigint;
  readonly txidBranch: readonly Uint8Array[];
  readonly wtxidRoot: Uint8Array;
  readonly hasWitness: boolean;
}

/** A coinbase of ours. */
export interface Coinbase {
  readonly bytes: Buffer;
  readonly txid: Buffer;
  readonly wtxid: Buffer;
  readonly hasWitness: boolean;
}

/** Regtest's own: the largest target, and after how many blocks the subsidy halves (Bitcoin Core, `chainparams.cpp`). */
export const REGTEST_BITS = 0x207fffff;
const HALVING = 150;
const FIRST_SUBSIDY_SAT = 5_000_000_000n;
/** BIP 141: OP_RETURN, a push of 36 bytes, and the sign that a commitment follows. */
const COMMITMENT_SIGN = Buffer.from("6a24aa21a9ed", "hex");
const RESERVED = Buffer.alloc(32);

/** The transactions of one body or more, one after another. */
export function pressBodies(bodies: readonly Body[]): Pressed {
  const transactions = bodies.flatMap((body) => body.transactions);
  return {
    transactions,
    paid: (bodies[0]?.paid ?? []).filter(({ script }) => !isCommitment(script)),
    bytes: Buffer.concat(transactions.map((tx) => tx.bytes)),
    spent: spentBytes([[], ...transactions.map((tx) => tx.spent)]),
    feesSat: transactions.reduce((sum, tx) => sum + tx.feeSat, 0n),
    txidBranch: branchOfFirst([RESERVED, ...transactions.map((tx) => tx.txid)]),
    wtxidRoot: plainRoot([RESERVED, ...transactions.map((tx) => tx.wtxid)]),
    hasWitness: transactions.some((tx) => tx.hasWitness),
  };
}

/** What regtest lets a coinbase claim beside fees. */
export function subsidySat(height: number): bigint {
  return FIRST_SUBSIDY_SAT >> BigInt(Math.floor(height / HALVING));
}

/** A coinbase that claims what it may, in the real one's shares and to the same scripts; the branch stands in its script. */
export function coinbaseOf(
  body: Pressed,
  place: { readonly height: number; readonly branch: string; readonly extraSat: bigint },
): Coinbase {
  const claimed = subsidySat(place.height) + body.feesSat + place.extraSat;
  const commitment = sha256d(Buffer.concat([body.wtxidRoot, RESERVED]));
  const outputs = [
    ...shares(body.paid, claimed),
    ...(body.hasWitness ? [{ value: 0n, script: Buffer.concat([COMMITMENT_SIGN, commitment]) }] : []),
  ];
  const label = Buffer.from(`sluice ${place.branch}`).subarray(0, 75);
  const script = Buffer.concat([heightPush(place.height), Buffer.of(label.length), label]);
  const input = Buffer.concat([RESERVED, uint32(0xffffffff), counted(script), uint32(0xffffffff)]);
  const core = Buffer.concat([Buffer.of(1), input, compactSize(outputs.length), ...outputs.map(outputBytes)]);
  const bare = Buffer.concat([uint32(2), core, uint32(0)]);
  const txid = sha256d(bare);
  if (!body.hasWitness) return { bytes: bare, txid, wtxid: txid, hasWitness: false };
  const bytes = Buffer.concat([uint32(2), Buffer.of(0, 1), core, Buffer.of(1), counted(RESERVED), uint32(0)]);
  return { bytes, txid, wtxid: sha256d(bytes), hasWitness: true };
}

/** The 80 bytes of a header that carries its work, found by trying nonces. */
export function mine(
  body: Pressed,
  place: {
    readonly parent: Uint8Array;
    readonly time: number;
    readonly bits: number;
    readonly txid: Uint8Array;
  },
): Buffer {
  return mineUnder(rootAbove(place.txid, body.txidBranch), place);
}

/** The same under any Merkle root. */
export function mineUnder(
  root: Uint8Array,
  place: { readonly parent: Uint8Array; readonly time: number; readonly bits: number },
): Buffer {
  const fields = [uint32(0x20000000), place.parent, root, uint32(place.time), uint32(place.bits)];
  const header = Buffer.concat([...fields, uint32(0)]);
  const target = targetOf(place.bits);
  for (let nonce = 0; ; nonce += 1) {
    header.writeUInt32LE(nonce, 76);
    if (BigInt(`0x${shown(sha256d(header))}`) <= target) return header;
  }
}

/** The target of a compact form without sign or overflow. */
export function targetOf(bits: number): bigint {
  return BigInt(bits & 0x7fffff) << (8n * BigInt((bits >>> 24) - 3));
}

/** How many hashes a block of that target takes on average: what makes a chain heavy. */
export function workOf(bits: number): bigint {
  return (1n << 256n) / (targetOf(bits) + 1n);
}

function shares(paid: readonly Output[], claimed: bigint): readonly Output[] {
  const whole = paid.reduce((sum, { value }) => sum + value, 0n);
  const scaled = paid.map(({ value, script }) => ({
    script,
    value: whole === 0n ? 0n : (value * claimed) / whole,
  }));
  const rest = claimed - scaled.reduce((sum, { value }) => sum + value, 0n);
  return scaled.map((output, index) => (index === 0 ? { ...output, value: output.value + rest } : output));
}

/** A push of the height as a script's number (BIP 34). */
function heightPush(height: number): Buffer {
  if (height === 0) return Buffer.of(0);
  if (height <= 16) return Buffer.of(0x50 + height);
  const digits = height.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex").reverse();
  const signed = (bytes.at(-1) ?? 0) >= 0x80 ? Buffer.concat([bytes, Buffer.of(0)]) : bytes;
  return counted(signed);
}

function isCommitment(script: Uint8Array): boolean {
  return Buffer.from(script.subarray(0, COMMITMENT_SIGN.length)).equals(COMMITMENT_SIGN);
}
