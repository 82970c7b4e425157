import { putHeader } from "./encode-header.ts";
import { putTransaction } from "./encode-transaction.ts";
import {
  arrayOf,
  data,
  FieldInvalid,
  isAbsent,
  type JsonObject,
  objectOf,
  putFields,
  putItems,
  quantity,
} from "./fields.ts";
import { closeList, closeString, openTape, type Tape, written } from "./tape.ts";

/** EIP-4895. */
const WITHDRAWAL = [
  quantity("index", 8),
  quantity("validatorIndex", 8),
  data("address", 20),
  quantity("amount", 8),
];

/** What `encodeBlock` needs beside the block's JSON. */
export interface EncodeOptions {
  /** The JSON of the ommers' headers: a block's JSON has only their hashes. */
  readonly ommers?: readonly unknown[];
  /** Whether a withdrawals list that is missing under a header with its root is taken for empty. */
  readonly withdrawalsMayMiss?: boolean;
}

/** The consensus RLP of a block from the JSON of `eth_getBlockByHash(hash, true)`. Throws `FieldInvalid`. */
export function encodeBlock(block: JsonObject, options: EncodeOptions = {}): Uint8Array {
  const tape = openTape(1 << 16);
  putWithdrawals(tape, block, options.withdrawalsMayMiss ?? false);
  putOmmers(tape, block, options.ommers ?? []);
  putTransactions(tape, block["transactions"]);
  putHeader(tape, block);
  closeList(tape, 0);
  return written(tape, 0);
}

/** Writes the list of transactions as it stands in a block. Throws `FieldInvalid`. */
export function putTransactions(tape: Tape, transactions: unknown): void {
  putItems(tape, "transactions", arrayOf(transactions, "transactions"), (onto, one) => {
    if (typeof one === "string") throw new FieldInvalid("", "is a hash where a transaction was asked for");
    const mark = onto.used;
    putTransaction(onto, objectOf(one, ""));
    const typed = (onto.bytes[onto.bytes.length - onto.used] ?? 0) < 0xc0;
    if (typed) closeString(onto, mark);
  });
}

/** Writes the ommers' headers, which must be as many as the block names. Throws `FieldInvalid`. */
export function putOmmers(tape: Tape, block: JsonObject, ommers: readonly unknown[]): void {
  const named = arrayOf(block["uncles"], "uncles");
  if (named.length !== ommers.length) {
    throw new FieldInvalid("uncles", `are ${named.length}, and the headers of ${ommers.length} are there`);
  }
  putItems(tape, "uncles", ommers, (onto, one) => putHeader(onto, objectOf(one, "")));
}

/** Writes the withdrawals list of a block whose header has its root, nothing for an older one. Throws `FieldInvalid`. */
export function putWithdrawals(tape: Tape, block: JsonObject, mayMiss: boolean): void {
  const list = block["withdrawals"];
  if (isAbsent(block["withdrawalsRoot"])) {
    if (!isAbsent(list)) throw new FieldInvalid("withdrawals", "are there without a withdrawalsRoot");
    return;
  }
  const withdrawals = isAbsent(list) && mayMiss ? [] : arrayOf(list, "withdrawals");
  putItems(tape, "withdrawals", withdrawals, (onto, one) => {
    const mark = onto.used;
    putFields(onto, objectOf(one, ""), WITHDRAWAL);
    closeList(onto, mark);
  });
}
