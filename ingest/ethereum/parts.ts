import { decodeRlp, encodeList, listItems, RlpInvalid, uintOf } from "../../stream/ethereum/rlp.ts";

/** A block and its receipts in the pieces that the proofs look at; all of it consensus RLP. */
export interface BlockParts {
  /** The whole block: the list of the four below. */
  readonly block: Uint8Array;
  readonly header: Uint8Array;
  /** Each as the transactions trie holds it: a list, or a type byte and a list. */
  readonly transactions: readonly Uint8Array[];
  readonly ommers: Uint8Array;
  /** Undefined in a block from before Shanghai. */
  readonly withdrawals: readonly Uint8Array[] | undefined;
  /** Each as the receipts trie holds it: a list, or a type byte and a list. */
  readonly receipts: readonly Uint8Array[];
}

/** The header fields that the proofs need; roots and hashes as bytes. */
export interface HeaderFields {
  readonly parent: Uint8Array;
  readonly ommersHash: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly bloom: Uint8Array;
  readonly height: bigint;
  readonly time: bigint;
  readonly withdrawalsRoot: Uint8Array | undefined;
  readonly blobGasUsed: bigint;
}

/** Frontier's header has 15 fields, Amsterdam's 23. */
const HEADER_FIELDS = { least: 15, most: 23 } as const;

/** The header's fields from its RLP. Throws `RlpInvalid`. */
export function readHeader(header: Uint8Array): HeaderFields {
  const fields = listItems(header).map(stringOf);
  if (fields.length < HEADER_FIELDS.least || fields.length > HEADER_FIELDS.most) {
    throw new RlpInvalid(`a header of ${fields.length} fields is of no known fork`, 0);
  }
  const at = (index: number): Uint8Array => fields[index] ?? new Uint8Array(0);
  return {
    parent: at(0),
    ommersHash: at(1),
    transactionsRoot: at(4),
    receiptsRoot: at(5),
    bloom: at(6),
    height: uintOf(at(8)),
    time: uintOf(at(11)),
    withdrawalsRoot: fields[16],
    blobGasUsed: uintOf(at(17)),
  };
}

/** The block's pieces from its RLP: header, transactions, ommers and, since Shanghai, withdrawals. Throws `RlpInvalid`. */
export function readBlock(block: Uint8Array): Omit<BlockParts, "receipts"> {
  const [header, transactions, ommers, withdrawals, more] = listItems(block);
  if (header === undefined || transactions === undefined || ommers === undefined || more !== undefined) {
    throw new RlpInvalid("a block has three or four parts", 0);
  }
  return {
    block,
    header,
    transactions: listItems(transactions).map(envelopeOf),
    ommers,
    withdrawals: withdrawals === undefined ? undefined : listItems(withdrawals),
  };
}

/** The same block with an empty list of withdrawals, for one whose list a node does not have. */
export function withEmptyWithdrawals(parts: Omit<BlockParts, "receipts">): Omit<BlockParts, "receipts"> {
  const block = encodeList([...listItems(parts.block), new Uint8Array([0xc0])]);
  return { ...parts, block, withdrawals: [] };
}

/** A transaction or receipt out of a list: a legacy one is a list there, a typed one a byte string (EIP-2718). Throws `RlpInvalid`. */
export function envelopeOf(item: Uint8Array): Uint8Array {
  if (isList(item)) return item;
  const envelope = stringOf(item);
  const type = envelope[0] ?? 0;
  if (type === 0 || type >= 0x80)
    throw new RlpInvalid(`a byte string begins with ${type}, which is no type`, 0);
  return envelope;
}

/** The encoded items of a transaction or receipt as its trie holds it, without its type byte. Throws `RlpInvalid`. */
export function envelopeItems(envelope: Uint8Array): readonly Uint8Array[] {
  return listItems(isList(envelope) ? envelope : envelope.subarray(1));
}

/** The EIP-2718 type of a transaction or receipt as its trie holds it; 0: legacy. */
export function envelopeType(envelope: Uint8Array): number {
  return isList(envelope) ? 0 : (envelope[0] ?? 0);
}

/** The byte string that an encoded item stands for. Throws `RlpInvalid`. */
export function stringOf(item: Uint8Array): Uint8Array {
  if (isList(item)) throw new RlpInvalid("a byte string was expected", 0);
  return decodeRlp(item) as Uint8Array;
}

function isList(item: Uint8Array): boolean {
  return (item[0] ?? 0) >= 0xc0;
}
