import type {
  BitcoinTransaction,
  OutputsPlace,
  RawBlock,
  TransactionOutput,
} from "../../stream/bitcoin/block.ts";
import { outputsOf, prevoutsOf } from "../../stream/bitcoin/parse.ts";
import { sameBytes, uint32At } from "../../stream/bytes.ts";
import { HASH_BYTES } from "./hashes.ts";
import { demand } from "./refuse.ts";

/**
 * Proves that an input which spends an output of its own block is said to spend just that one: the part of the spent outputs
 * that the block itself commits to. All places in `raw` are places in `value`. Throws `ProofRefused`.
 */
export function proveOwnSpends(raw: RawBlock, value: Uint8Array, txids: Uint8Array): void {
  const { transactions } = raw.block;
  const makerAt = findMakers(value, txids);
  const outputs = readOnce(value);
  for (let index = 1; index < transactions.length; index += 1) {
    const prevouts = prevoutsOf(raw.block, transactions[index] as BitcoinTransaction);
    for (let place = 0; place < prevouts.length; place += 1) {
      const at = prevouts[place] as number;
      const maker = makerAt(at);
      if (maker === undefined) continue;
      const made = outputs(transactions[maker])[uint32At(value, at + HASH_BYTES)];
      const isTold = isSame(value, made, outputs(raw.spent[index])[place]);
      demand(isTold, "spent", () => notTold({ index, place, maker }));
    }
  }
}

function notTold(found: { readonly index: number; readonly place: number; readonly maker: number }): string {
  const { index, place, maker } = found;
  return `input ${place} of transaction ${index} spends transaction ${maker}, and another output is told`;
}

/** Which transaction has the id that stands at a place, if any: nearly all are told apart by their first four bytes. */
function findMakers(value: Uint8Array, txids: Uint8Array): (prevoutAt: number) => number | undefined {
  const newest = new Map<number, number>();
  /** Of each transaction, the one before it with the same first bytes. */
  const before: (number | undefined)[] = [];
  for (let at = 0; at < txids.length; at += HASH_BYTES) {
    const mark = uint32At(txids, at);
    newest.set(mark, before.push(newest.get(mark)) - 1);
  }
  return (prevoutAt) => {
    let maker = newest.get(uint32At(value, prevoutAt));
    while (maker !== undefined && !isTxid(value, prevoutAt, txids, maker)) maker = before[maker];
    return maker;
  };
}

function isTxid(value: Uint8Array, at: number, txids: Uint8Array, index: number): boolean {
  const begin = index * HASH_BYTES;
  return sameBytes(txids.subarray(begin, begin + HASH_BYTES), value.subarray(at, at + HASH_BYTES));
}

/** Reads outputs, the same ones once: thousands of inputs may spend those of one transaction. */
function readOnce(bytes: Uint8Array): (place: OutputsPlace | undefined) => readonly TransactionOutput[] {
  const known = new Map<number, readonly TransactionOutput[]>();
  return (place) => {
    if (place === undefined) return [];
    const outputs = known.get(place.outputsAt) ?? outputsOf({ bytes }, place);
    known.set(place.outputsAt, outputs);
    return outputs;
  };
}

function isSame(
  bytes: Uint8Array,
  made: TransactionOutput | undefined,
  told: TransactionOutput | undefined,
): boolean {
  if (made === undefined || told === undefined || made.value !== told.value) return false;
  const script = bytes.subarray(made.scriptAt, made.scriptEnd);
  return sameBytes(script, bytes.subarray(told.scriptAt, told.scriptEnd));
}
