import {
  type BitcoinBlock,
  type BitcoinTransaction,
  withoutWitness,
  withWitness,
} from "../../stream/bitcoin/block.ts";
import { displayHash } from "../../stream/bitcoin/bytes.ts";
import { inputsOf, outputsOf, witnessesOf } from "../../stream/bitcoin/parse.ts";
import { standsAt } from "../../stream/bytes.ts";
import { HASH_BYTES, sha256d, sha256dInto } from "./hashes.ts";
import { merkleRoot } from "./merkle.ts";
import type { ProofSet } from "./prove-header.ts";
import { demand } from "./refuse.ts";
import type { NetworkRules } from "./rules.ts";

/** What an output begins with that commits to the witnesses: OP_RETURN and a push of 36 bytes (BIP 141, "Commitment structure"). */
const COMMITMENT = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);
const COMMITMENT_BYTES = 38;
/** The one item of the coinbase's witness, and what stands for the coinbase's own wtxid. */
const RESERVED_BYTES = 32;
const NO_WTXID = new Uint8Array(32);
/** Small numbers are pushed by an opcode of their own: OP_1 is 0x51 (BIP 62, "minimal pushes"). */
const OP_0 = 0x00;
const OP_1 = 0x51;
const LARGEST_OP = 16;

/** The ids of a block's transactions, 32 bytes each, in the order of the bytes. */
export function txidsOf(block: BitcoinBlock): Uint8Array {
  const txids = Buffer.alloc(block.transactions.length * HASH_BYTES);
  const room = Buffer.allocUnsafe(block.bytes.length);
  for (const [index, tx] of block.transactions.entries())
    sha256dInto(txids, index * HASH_BYTES, withoutWitness(block, tx, room));
  return txids;
}

/** Proves everything that the header commits to; `txids` are the block's own. Throws `ProofRefused`. */
export function proveBody(
  { block, txids }: { readonly block: BitcoinBlock; readonly txids: Uint8Array },
  height: number,
  rules: NetworkRules,
  proofs: ProofSet,
): void {
  if (proofs.has("merkle")) proveMerkle(block, txids);
  if (proofs.has("witness")) proveWitness(block, txids, height >= rules.witnessHeight);
  if (proofs.has("height") && height >= rules.coinbaseHeight) proveHeight(block, height);
}

function proveMerkle(block: BitcoinBlock, txids: Uint8Array): void {
  const { root, ambiguous } = merkleRoot(txids);
  const claimed = displayHash(block.header.merkleRoot);
  demand(
    displayHash(root) === claimed,
    "merkle",
    () => `the transactions' root is ${displayHash(root)}, the header's ${claimed}`,
  );
  demand(!ambiguous, "merkle", () => "transactions are repeated in a way that leaves the root the same");
}

function proveWitness(block: BitcoinBlock, txids: Uint8Array, inForce: boolean): void {
  const [coinbase] = block.transactions;
  const commitment = inForce ? commitmentOf(block, coinbase) : undefined;
  if (coinbase === undefined || commitment === undefined) {
    const bare = block.transactions.every((tx) => !tx.hasWitness);
    demand(bare, "witness", () =>
      inForce ? "there are witnesses, and nothing commits to them" : "there are witnesses before their time",
    );
    return;
  }
  const items = witnessesOf(block, coinbase)[0] ?? [];
  const reserved = items[0];
  if (items.length !== 1 || reserved?.length !== RESERVED_BYTES) {
    const hint = coinbase.hasWitness ? "" : "; the node may leave witnesses out (-rpcserialversion)";
    demand(false, "witness", () => `the coinbase's witness is not one item of 32 bytes${hint}`);
  }
  const computed = commit(block, { txids, reserved: reserved ?? NO_WTXID });
  demand(
    Buffer.from(computed).equals(commitment),
    "witness",
    () => `the commitment is ${hexOf(commitment)}, the witnesses' own ${hexOf(computed)}`,
  );
}

/** What the last output of that form commits to; undefined where no output has it. */
function commitmentOf(block: BitcoinBlock, coinbase: BitcoinTransaction | undefined): Uint8Array | undefined {
  const { bytes } = block;
  const output = (coinbase === undefined ? [] : outputsOf(block, coinbase)).findLast(
    ({ scriptAt, scriptEnd }) =>
      scriptEnd - scriptAt >= COMMITMENT_BYTES && standsAt(bytes, scriptAt, COMMITMENT),
  );
  if (output === undefined) return undefined;
  return bytes.subarray(output.scriptAt + COMMITMENT.length, output.scriptAt + COMMITMENT_BYTES);
}

function commit(
  block: BitcoinBlock,
  { txids, reserved }: { readonly txids: Uint8Array; readonly reserved: Uint8Array },
): Uint8Array {
  const wtxids = Buffer.from(txids);
  for (const [index, tx] of block.transactions.entries()) {
    const at = index * HASH_BYTES;
    if (index === 0) wtxids.set(NO_WTXID, at);
    else if (tx.hasWitness) sha256dInto(wtxids, at, withWitness(block, tx));
  }
  return sha256d(Buffer.concat([merkleRoot(wtxids).root, reserved]));
}

function proveHeight(block: BitcoinBlock, height: number): void {
  const [coinbase] = block.transactions;
  const [input] = coinbase === undefined ? [] : inputsOf(block, coinbase);
  const script = input === undefined ? [] : block.bytes.subarray(input.scriptAt, input.scriptEnd);
  const push = heightPush(height);
  demand(
    push.every((byte, index) => script[index] === byte),
    "height",
    () => `the coinbase does not begin with the height ${height}`,
  );
}

/** How a coinbase begins with its height: a push of the number, least byte first (BIP 34). */
export function heightPush(height: number): readonly number[] {
  if (height <= LARGEST_OP) return [height === 0 ? OP_0 : OP_1 + height - 1];
  const bytes: number[] = [];
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  // The highest bit is the sign: a number that has it gets a byte more.
  if ((bytes.at(-1) ?? 0) >= 0x80) bytes.push(0);
  return [bytes.length, ...bytes];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
