import { decodeRlp, encodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import { toHex } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { bytesOf, listOf } from "./rlp-view.ts";

/** Where each field stands in a header (yellow paper 4.4.2; EIPs 1559, 4895, 4844, 4788, 7685). */
export const HEADER = {
  parentHash: 0,
  ommersHash: 1,
  feeRecipient: 2,
  stateRoot: 3,
  transactionsRoot: 4,
  receiptsRoot: 5,
  logsBloom: 6,
  difficulty: 7,
  number: 8,
  gasLimit: 9,
  gasUsed: 10,
  timestamp: 11,
  extraData: 12,
  mixHash: 13,
  nonce: 14,
  baseFeePerGas: 15,
  withdrawalsRoot: 16,
  blobGasUsed: 17,
  excessBlobGas: 18,
  parentBeaconBlockRoot: 19,
  requestsHash: 20,
} as const;

/** A header's fields in consensus order. */
export type Header = readonly Uint8Array[];

/** A transaction: `fields` are the consensus fields of its type, legacy being type 0. */
export interface Transaction {
  readonly hash: string;
  readonly type: number;
  readonly fields: readonly RlpItem[];
  readonly sender: string;
}

export interface Log {
  readonly address: Uint8Array;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

/** A consensus receipt and the place of its transaction; `outcome` is the status, or before Byzantium a state root. */
export interface Receipt {
  readonly txIndex: number;
  readonly type: number;
  readonly outcome: Uint8Array;
  readonly cumulativeGas: Uint8Array;
  readonly bloom: Uint8Array;
  readonly logs: readonly Log[];
}

/** A call frame, as far as it tells of value; an empty `error` is none. */
export interface Frame {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly value: bigint;
  readonly error: string;
  readonly calls: readonly Frame[];
}

/** What transactions, receipts and logs say of the block that they stand in, as the RPC prints it. */
export interface Labels {
  readonly hash: string;
  readonly number: string;
  readonly time: string;
}

/** All that a node has of one block. */
export interface Content {
  /** The hash that the node claims for the header. */
  readonly hash: string;
  readonly header: Header;
  readonly transactions: readonly Transaction[];
  readonly ommers: readonly RlpItem[];
  readonly withdrawals: readonly RlpItem[] | undefined;
  readonly receipts: readonly Receipt[];
  readonly receiptLabels: Labels;
  /** One root frame a transaction; undefined where the node has none. */
  readonly traces: readonly Frame[] | undefined;
}

/** A transaction from its item in a block's list: a byte string when typed (EIP-2718), else a list. */
export function transactionOf(item: RlpItem, sender: string): Transaction {
  if (!(item instanceof Uint8Array)) {
    return { hash: toHex(keccak256(encodeRlp(item))), type: 0, fields: item, sender };
  }
  return {
    hash: toHex(keccak256(item)),
    type: item[0] ?? 0,
    fields: listOf(decodeRlp(item.subarray(1))),
    sender,
  };
}

/** A receipt from its consensus item. */
export function receiptOf(item: RlpItem, txIndex: number): Receipt {
  const typed = item instanceof Uint8Array;
  const [outcome, cumulativeGas, bloom, logs] = typed ? listOf(decodeRlp(item.subarray(1))) : item;
  return {
    txIndex,
    type: typed ? (item[0] ?? 0) : 0,
    outcome: bytesOf(outcome),
    cumulativeGas: bytesOf(cumulativeGas),
    bloom: bytesOf(bloom),
    logs: listOf(logs).map(logOf),
  };
}

function logOf(item: RlpItem): Log {
  const [address, topics, data] = listOf(item);
  return { address: bytesOf(address), topics: listOf(topics).map(bytesOf), data: bytesOf(data) };
}

/** The item of a transaction in its block's list. */
export function transactionItem(tx: Pick<Transaction, "type" | "fields">): RlpItem {
  return enveloped(tx.type, tx.fields);
}

/** The consensus item of a receipt. */
export function receiptItem(receipt: Receipt): RlpItem {
  const logs = receipt.logs.map((log) => [log.address, log.topics, log.data]);
  return enveloped(receipt.type, [receipt.outcome, receipt.cumulativeGas, receipt.bloom, logs]);
}

function enveloped(type: number, fields: readonly RlpItem[]): RlpItem {
  return type === 0 ? fields : Buffer.concat([Uint8Array.of(type), encodeRlp(fields)]);
}

/** The hash that a header's fields have. */
export function headerHash(header: Header): string {
  return toHex(keccak256(encodeRlp(header)));
}
