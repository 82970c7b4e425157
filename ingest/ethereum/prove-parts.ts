import type { BlockHeader } from "../../stream/block.ts";
import { BLOOM_BYTES, type BloomTools, bloomOf } from "./bloom.ts";
import { hexOf, sameBytes } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { type BlockParts, envelopeItems, type HeaderFields, readHeader, stringOf } from "./parts.ts";
import type { EthereumProof } from "./prover.ts";
import { demand, ProofRefused, readFor } from "./refuse.ts";
import { indexedRoot } from "./trie.ts";

/** Which proofs must hold. */
export type ProofSet = ReadonlySet<EthereumProof>;

/** The header's fields, once its hash is the one asked for and its place is the one expected. Throws `ProofRefused`. */
export function proveHeader(
  header: Uint8Array,
  expected: BlockHeader,
  proofs: ProofSet,
  unknown: readonly string[] = [],
): HeaderFields {
  const hash = hexOf(keccak256(header));
  demand(!proofs.has("header") || hash === expected.hash, "header", () => {
    const fields = unknown.length === 0 ? "" : `; it has fields not known here: ${unknown.join(", ")}`;
    return `its hash is ${hash}, not ${expected.hash}${fields}`;
  });
  const fields = readFor("header", () => readHeader(header));
  if (proofs.has("header")) provePlace(fields, expected);
  return fields;
}

function provePlace(fields: HeaderFields, expected: BlockHeader): void {
  const { height, parent, time } = expected;
  demand(fields.height === BigInt(height), "header", () => `its number is ${fields.height}, not ${height}`);
  demand(
    hexOf(fields.parent) === parent,
    "header",
    () => `its parent is ${hexOf(fields.parent)}, not ${parent}`,
  );
  demand(fields.time === BigInt(time), "header", () => `its time is ${fields.time}, not ${time}`);
}

/** Everything that the header commits to, except what needs signatures. Throws `ProofRefused`. */
export function proveBodies(parts: BlockParts, header: HeaderFields, proofs: ProofSet): void {
  if (proofs.has("transactions")) {
    demandRoot(parts.transactions, header.transactionsRoot, "transactions");
  }
  if (proofs.has("ommers")) proveOmmers(parts, header);
  proveWithdrawals(parts, header, proofs);
  if (proofs.has("count")) proveCount(parts);
  if (proofs.has("receipts")) demandRoot(parts.receipts, header.receiptsRoot, "receipts");
  if (proofs.has("bloom")) proveBlooms(parts, header);
}

function demandRoot(values: readonly Uint8Array[], root: Uint8Array, proof: EthereumProof): void {
  const computed = indexedRoot(values, keccak256);
  demand(
    sameBytes(computed, root),
    proof,
    () => `their root is ${hexOf(computed)}, the header's ${hexOf(root)}`,
  );
}

function proveOmmers(parts: BlockParts, header: HeaderFields): void {
  const hash = keccak256(parts.ommers);
  const ours = header.ommersHash;
  demand(sameBytes(hash, ours), "ommers", () => `their hash is ${hexOf(hash)}, the header's ${hexOf(ours)}`);
}

function proveWithdrawals(parts: BlockParts, header: HeaderFields, proofs: ProofSet): void {
  const { withdrawals } = parts;
  const { withdrawalsRoot } = header;
  if ((withdrawals === undefined) !== (withdrawalsRoot === undefined)) {
    const reason = "the list and the header's root must both be there or both be absent";
    throw new ProofRefused("withdrawals", reason, withdrawals === undefined);
  }
  if (withdrawals === undefined || withdrawalsRoot === undefined || !proofs.has("withdrawals")) return;
  demandRoot(withdrawals, withdrawalsRoot, "withdrawals");
}

function proveCount(parts: BlockParts): void {
  const receipts = parts.receipts.length;
  const transactions = parts.transactions.length;
  demand(receipts === transactions, "count", () => `${receipts} receipts for ${transactions} transactions`);
}

function proveBlooms(parts: BlockParts, header: HeaderFields): void {
  const tools = { keccak: keccak256, cache: new Map(), whole: new Uint8Array(BLOOM_BYTES) };
  for (const [index, receipt] of parts.receipts.entries()) {
    const holds = readFor("receipts", () => bloomHolds(receipt, tools));
    demand(holds, "bloom", () => `receipt ${index} has another bloom than its logs`);
  }
  demand(
    sameBytes(tools.whole, header.bloom),
    "bloom",
    () => "the header has another bloom than the block's logs",
  );
}

function bloomHolds(receipt: Uint8Array, tools: BloomTools): boolean {
  const [, , bloom, logs] = envelopeItems(receipt);
  if (bloom === undefined || logs === undefined) return false;
  return sameBytes(bloomOf(logs, tools), stringOf(bloom));
}
