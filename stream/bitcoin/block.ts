import type { TxHash } from "../block.ts";
import { displayHash } from "./bytes.ts";

/** SHA-256 over bytes: 32 bytes. Handed in by the edge, so that the core stays without dependencies. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
/** RIPEMD-160 over bytes: 20 bytes. Handed in by the edge. */
export type Ripemd160 = (bytes: Uint8Array) => Uint8Array;

/** What Bitcoin hashes with. */
export interface BitcoinHashes {
  readonly sha256: Sha256;
  readonly ripemd160: Ripemd160;
}

/** A serialized block, taken apart as far as proofs and flows need; every place is one in `bytes`. */
export interface BitcoinBlock {
  readonly bytes: Uint8Array;
  readonly header: BitcoinHeader;
  /** The first is the coinbase, and only the first. */
  readonly transactions: readonly BitcoinTransaction[];
  /** Where the block ends: its spent outputs may follow. */
  readonly end: number;
}

/** The fields of the 80 bytes that the block's hash commits to; hashes as they stand there (views), `time` in Unix seconds. */
export interface BitcoinHeader {
  readonly version: number;
  readonly parent: Uint8Array;
  readonly merkleRoot: Uint8Array;
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
}

/** Where a transaction's parts stand: `version ‖ [marker, flag] ‖ inputs ‖ outputs ‖ [witness] ‖ lock time` (BIP 144). */
export interface BitcoinTransaction {
  readonly start: number;
  /** Where the inputs' count stands. */
  readonly inputsAt: number;
  readonly inputCount: number;
  /** Where the outputs' count stands. */
  readonly outputsAt: number;
  /** Sum of the outputs' values in satoshi. */
  readonly total: number;
  /** Where the outputs end, and the witness begins if there is one. */
  readonly witnessAt: number;
  readonly hasWitness: boolean;
  readonly end: number;
}

/** An input: `prevoutAt` is where the txid (32 bytes) and the index (4) of the output that it spends stand. */
export interface TransactionInput {
  readonly prevoutAt: number;
  readonly scriptAt: number;
  readonly scriptEnd: number;
}

/** An output, of the block or spent by it. `value` in satoshi: at most 21 million BTC, which a double holds exactly. */
export interface TransactionOutput {
  readonly value: number;
  readonly scriptAt: number;
  readonly scriptEnd: number;
}

/** Where outputs stand, made or spent. */
export type OutputsPlace = Pick<SpentOutputs, "outputsAt">;

/** The outputs that one transaction spends, in the order of its inputs; none for the coinbase. */
export interface SpentOutputs {
  /** Where the outputs' count stands. */
  readonly outputsAt: number;
  /** Sum of the outputs' values in satoshi. */
  readonly total: number;
}

/** A block with what it spends: a raw value of codec `bitcoin.v1`. `spent` has one entry a transaction. */
export interface RawBlock {
  readonly block: BitcoinBlock;
  readonly spent: readonly SpentOutputs[];
}

/** Version and lock time take four bytes each. */
const WORD = 4;

/**
 * A transaction as its txid hashes it, without witness: a view where it has none, else a copy. Who asks for many gives `room` for
 * any of them, which the next one takes again.
 */
export function withoutWitness(
  { bytes }: BitcoinBlock,
  tx: BitcoinTransaction,
  room?: Uint8Array,
): Uint8Array {
  if (!tx.hasWitness) return bytes.subarray(tx.start, tx.end);
  const length = 2 * WORD + tx.witnessAt - tx.inputsAt;
  const stripped = room?.subarray(0, length) ?? new Uint8Array(length);
  stripped.set(bytes.subarray(tx.start, tx.start + WORD));
  stripped.set(bytes.subarray(tx.inputsAt, tx.witnessAt), WORD);
  stripped.set(bytes.subarray(tx.end - WORD, tx.end), length - WORD);
  return stripped;
}

/** A transaction as its wtxid hashes it (BIP 141): all of it, as a view. */
export function withWitness({ bytes }: BitcoinBlock, tx: BitcoinTransaction): Uint8Array {
  return bytes.subarray(tx.start, tx.end);
}

/** A transaction's id as the chain prints it. */
export function txidOf(block: BitcoinBlock, tx: BitcoinTransaction, sha256: Sha256): TxHash {
  return displayHash(sha256(sha256(withoutWitness(block, tx)))) as TxHash;
}
