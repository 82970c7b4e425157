import type { BlockHash, TxHash } from "../block.ts";
import type {
  EthereumBlock,
  EthereumHeader,
  EthereumLog,
  EthereumReceipt,
  EthereumTransaction,
  Keccak256,
  TransactionTrace,
  ValueMove,
  Withdrawal,
} from "./block.ts";
import { addressOf, bigintOf, hexOf } from "./bytes.ts";
import { decodeRlp, encodeRlp, type RlpItem } from "./rlp.ts";

/** A raw value that is no proven block of codec `ethereum.v1`; `part` says which part of it. */
export class RawValueInvalid extends Error {
  override readonly name = "RawValueInvalid";
  readonly part: string;
  constructor(part: string, reason: string) {
    super(`${part} of an ethereum.v1 value ${reason}; run sluice verify`);
    this.part = part;
  }
}

/** The order of a consensus header's fields up to Amsterdam (yellow paper §4.4.3, EIP-1559, 4895, 4844, 4788, 7685, 7928, 7843). */
const HEADER = {
  parent: 0,
  feeRecipient: 2,
  difficulty: 7,
  height: 8,
  time: 11,
  baseFeePerGas: 15,
  excessBlobGas: 18,
  slotNumber: 22,
} as const;

/** Where a transaction's fields stand, by type. */
interface Layout {
  readonly nonce: number;
  readonly feeCap: number;
  readonly tipCap: number;
  readonly to: number;
  readonly value: number;
  readonly blobHashes: number | undefined;
}

const FEE_MARKET: Layout = { nonce: 1, tipCap: 2, feeCap: 3, to: 5, value: 6, blobHashes: undefined };
/** Types 0 to 4: yellow paper, EIP-2930, EIP-1559, EIP-4844, EIP-7702. */
const LAYOUTS: readonly Layout[] = [
  { nonce: 0, feeCap: 1, tipCap: 1, to: 3, value: 4, blobHashes: undefined },
  { nonce: 1, feeCap: 2, tipCap: 2, to: 4, value: 5, blobHashes: undefined },
  FEE_MARKET,
  { ...FEE_MARKET, blobHashes: 10 },
  FEE_MARKET,
];

/** Before Byzantium (EIP-658) a receipt holds the state root, 32 bytes, where its status stands now. */
const STATE_ROOT_BYTES = 32;
const ADDRESS_BYTES = 20;

/**
 * Decodes the value of a raw record (DESIGN §3): RLP of `[block, receipts, senders, traces?]`.
 * Logs are views into `value`; transaction hashes are computed when asked for. Throws `RawValueInvalid` and `RlpInvalid`.
 */
export function decodeEthereumBlock(value: Uint8Array, keccak: Keccak256): EthereumBlock {
  const plain = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const [block, receipts, senders, traces] = listOf(decodeRlp(plain), "the whole");
  const [header, transactions, , withdrawals] = listOf(block, "the block");
  const from = bytesOf(senders, "the senders");
  const decoded = listOf(transactions, "the transactions").map((item, index) =>
    transactionOf(item, senderAt(from, index), keccak),
  );
  return {
    header: headerOf(header, keccak),
    transactions: decoded,
    receipts: perTransaction(listOf(receipts, "the receipts").map(receiptOf), decoded.length, "the receipts"),
    withdrawals: withdrawals === undefined ? [] : listOf(withdrawals, "the withdrawals").map(withdrawalOf),
    traces: traces === undefined ? undefined : tracesOf(traces, decoded.length),
  };
}

function headerOf(item: RlpItem | undefined, keccak: Keccak256): EthereumHeader {
  const fields = listOf(item, "the header");
  const at = (index: number) => bytesOf(fields[index], "the header");
  const optional = (index: number) => (fields[index] === undefined ? undefined : bigintOf(at(index)));
  return {
    hash: hexOf(keccak(encodeRlp(fields))) as BlockHash,
    parent: hexOf(at(HEADER.parent)) as BlockHash,
    height: Number(bigintOf(at(HEADER.height))),
    time: Number(bigintOf(at(HEADER.time))),
    feeRecipient: addressOf(at(HEADER.feeRecipient)),
    difficulty: bigintOf(at(HEADER.difficulty)),
    baseFeePerGas: optional(HEADER.baseFeePerGas),
    excessBlobGas: optional(HEADER.excessBlobGas),
    slotNumber: optional(HEADER.slotNumber),
  };
}

function transactionOf(item: RlpItem, sender: Uint8Array, keccak: Keccak256): EthereumTransaction {
  const type = typeOf(item);
  const layout = LAYOUTS[type];
  if (layout === undefined) throw new RawValueInvalid("a transaction", `is of the unknown type ${type}`);
  const fields = listOf(payloadOf(item), "a transaction");
  const at = (index: number) => bytesOf(fields[index], "a transaction");
  const to = at(layout.to);
  return {
    hash: () => hexOf(keccak(item instanceof Uint8Array ? item : encodeRlp(item))) as TxHash,
    type,
    nonce: bigintOf(at(layout.nonce)),
    sender: addressOf(sender),
    to: to.length === 0 ? undefined : addressOf(to),
    value: bigintOf(at(layout.value)),
    maxFeePerGas: bigintOf(at(layout.feeCap)),
    maxPriorityFeePerGas: bigintOf(at(layout.tipCap)),
    blobCount:
      layout.blobHashes === undefined ? 0 : listOf(fields[layout.blobHashes], "a transaction").length,
  };
}

function receiptOf(item: RlpItem): EthereumReceipt {
  const fields = listOf(payloadOf(item), "a receipt");
  const status = bytesOf(fields[0], "a receipt");
  return {
    status: status.length === STATE_ROOT_BYTES ? undefined : status.length === 0 ? 0 : 1,
    cumulativeGasUsed: bigintOf(bytesOf(fields[1], "a receipt")),
    logs: listOf(fields[3], "a receipt").map(logOf),
  };
}

function logOf(item: RlpItem): EthereumLog {
  const [address, topics, data] = listOf(item, "a log");
  return {
    address: bytesOf(address, "a log"),
    topics: listOf(topics, "a log") as readonly Uint8Array[],
    data: bytesOf(data, "a log"),
  };
}

function withdrawalOf(item: RlpItem): Withdrawal {
  const fields = listOf(item, "a withdrawal");
  const at = (index: number) => bytesOf(fields[index], "a withdrawal");
  return {
    index: bigintOf(at(0)),
    validatorIndex: bigintOf(at(1)),
    address: addressOf(at(2)),
    amountGwei: bigintOf(at(3)),
  };
}

function tracesOf(item: RlpItem, count: number): readonly TransactionTrace[] {
  return perTransaction(listOf(item, "the traces").map(traceOf), count, "the traces");
}

function traceOf(item: RlpItem): TransactionTrace {
  const [failed, moves] = listOf(item, "a trace");
  return { failed: bytesOf(failed, "a trace").length > 0, moves: listOf(moves, "a trace").map(moveOf) };
}

function moveOf(item: RlpItem): ValueMove {
  const fields = listOf(item, "a trace");
  const at = (index: number) => bytesOf(fields[index], "a trace");
  return {
    type: String.fromCharCode(...at(0)),
    from: addressOf(at(1)),
    to: addressOf(at(2)),
    value: bigintOf(at(3)),
  };
}

/** A typed transaction or receipt (EIP-2718) is a byte string, type before payload; a legacy one is a list. */
function typeOf(item: RlpItem): number {
  return item instanceof Uint8Array ? (item[0] ?? 0) : 0;
}

function payloadOf(item: RlpItem): RlpItem {
  return item instanceof Uint8Array ? decodeRlp(item.subarray(1)) : item;
}

function senderAt(senders: Uint8Array, index: number): Uint8Array {
  const end = (index + 1) * ADDRESS_BYTES;
  if (senders.length < end) throw new RawValueInvalid("the senders", `end before transaction ${index}`);
  return senders.subarray(end - ADDRESS_BYTES, end);
}

function perTransaction<T>(items: readonly T[], count: number, part: string): readonly T[] {
  if (items.length !== count) {
    throw new RawValueInvalid(part, `are ${items.length} where the block has ${count} transactions`);
  }
  return items;
}

function listOf(item: RlpItem | undefined, part: string): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw new RawValueInvalid(part, "lacks a list");
  return item;
}

function bytesOf(item: RlpItem | undefined, part: string): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new RawValueInvalid(part, "lacks a byte string");
  return item;
}
