import { putOmmers, putTransactions, putWithdrawals } from "./encode-block.ts";
import { encodeHeader } from "./encode-header.ts";
import { encodeReceipts } from "./encode-receipt.ts";
import { arrayOf, isAbsent, isObject, type JsonObject } from "./fields.ts";
import { sameBytes } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { type BlockParts, readBlock, readHeader } from "./parts.ts";
import type { ProofSet } from "./prove-parts.ts";
import { readFor, readToProve } from "./refuse.ts";
import { closeList, openTape, putRaw, written } from "./tape.ts";
import { indexedRoot } from "./trie.ts";

const HASH_BYTES = 32;

/** What a node's JSON says of one block. */
export interface JsonSource {
  readonly block: JsonObject;
  readonly receipts: unknown;
  readonly ommers: readonly unknown[];
  /** Bytes of the answer: its consensus form takes no more than half of them. */
  readonly size: number;
}

/** The header's bytes. Throws `ProofRefused`. */
export function jsonHeader(block: JsonObject): Uint8Array {
  return readFor("header", () => encodeHeader(block));
}

/** The block's and its receipts' bytes, under a header that was proven before. Throws `ProofRefused`. */
export function jsonParts(source: JsonSource, header: Uint8Array, proofs: ProofSet): BlockParts {
  const { block } = source;
  const tape = openTape(source.size >> 1);
  // Only a list that is missing may be waived.
  const read = isAbsent(block["withdrawals"]) ? readToProve : readFor;
  read("withdrawals", () => putWithdrawals(tape, block, !proofs.has("withdrawals")));
  const named = proofs.has("ommers") ? block : { uncles: source.ommers };
  readToProve("ommers", () => putOmmers(tape, named, source.ommers));
  readFor("transactions", () => putTransactions(tape, block["transactions"]));
  putRaw(tape, header);
  closeList(tape, 0);
  const receipts = readFor("receipts", () => receiptsUnder(header, source));
  return { ...readFor("transactions", () => readBlock(written(tape, 0))), receipts };
}

/** Some nodes print a status beside the state root before Byzantium, others a root beside the status after it: the header's own root says which is meant. */
function receiptsUnder(header: Uint8Array, source: JsonSource): readonly Uint8Array[] {
  const list = arrayOf(source.receipts, "receipts");
  const receipts = encodeReceipts(list, source.size >> 1);
  if (!list.some(hasBothOutcomes)) return receipts;
  if (sameBytes(indexedRoot(receipts, keccak256), readHeader(header).receiptsRoot)) return receipts;
  const byRoot = list.map((one) => (hasBothOutcomes(one) ? { ...one, status: null } : one));
  return encodeReceipts(byRoot, source.size >> 1);
}

function hasBothOutcomes(receipt: unknown): receipt is JsonObject {
  if (!isObject(receipt) || isAbsent(receipt["status"])) return false;
  return typeof receipt["root"] === "string" && receipt["root"].length === 2 + 2 * HASH_BYTES;
}
