import type { BlockHash, TxHash } from "../block.ts";
import type {
  EthereumBlock,
  EthereumHeader,
  EthereumLog,
  EthereumReceipt,
  Keccak256,
  MoveView,
  TransactionTrace,
  TransactionView,
  Withdrawal,
} from "./block.ts";
import { ADDRESS_BYTES, addressAt, addressOf, bigintOf, hexOf } from "./bytes.ts";
import { checkRlp, listHeaderAt, type Span, spanAt, spansOf } from "./rlp.ts";

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
/** A topic as it is encoded: a byte that says 32, then a word (yellow paper §4.4.1, appendix B). */
const TOPIC_BYTES = 33;
const TOPIC_PREFIX = 0xa0;

/**
 * Decodes the value of a raw record (DESIGN §3): RLP of `[block, receipts, senders, traces?]`.
 * All of it is checked here, so that what is read later can't fail. Throws `RawValueInvalid` and `RlpInvalid`.
 */
export function decodeEthereumBlock(value: Uint8Array, keccak: Keccak256): EthereumBlock {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  checkRlp(bytes, 0, bytes.length);
  const raw = { bytes, keccak };
  const [block, receipts, senders, traces] = listOf(raw, spanAt(bytes, 0, bytes.length), "the whole");
  const [header, transactions, , withdrawals] = listOf(raw, block, "the block");
  const items = listOf(raw, transactions, "the transactions");
  const from = stringOf(senders, "the senders");
  return {
    bytes,
    header: headerOf(raw, header),
    transactions: items.map((item, index) => transactionOf(raw, item, senderAt(from, index))),
    receipts: perTransaction(listOf(raw, receipts, "the receipts"), items.length, "the receipts").map(
      (item) => receiptOf(raw, item),
    ),
    withdrawals:
      withdrawals === undefined
        ? []
        : listOf(raw, withdrawals, "the withdrawals").map((item) => withdrawalOf(raw, item)),
    traces: traces === undefined ? undefined : tracesOf(raw, traces, items.length),
  };
}

/** What all parts are read from. */
interface Raw {
  readonly bytes: Uint8Array;
  readonly keccak: Keccak256;
}

function headerOf(raw: Raw, item: Span | undefined): EthereumHeader {
  const fields = listOf(raw, item, "the header");
  const at = (index: number) => bytesOf(raw, fields[index], "the header");
  const optional = (index: number) => (fields[index] === undefined ? undefined : bigintOf(at(index)));
  return {
    hash: () => hashOf(raw, item as Span) as BlockHash,
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

function transactionOf(raw: Raw, item: Span, senderAt: number): TransactionView {
  const { bytes } = raw;
  const type = typeOf(raw, item);
  const layout = LAYOUTS[type];
  if (layout === undefined) throw new RawValueInvalid("a transaction", `is of the unknown type ${type}`);
  const fields = listOf(raw, payloadOf(raw, item), "a transaction");
  const field = (index: number) => stringOf(fields[index], "a transaction");
  const [to, value, nonce] = [field(layout.to), field(layout.value), field(layout.nonce)];
  const [feeCap, tipCap] = [field(layout.feeCap), field(layout.tipCap)];
  const blobHashes =
    layout.blobHashes === undefined ? [] : listOf(raw, fields[layout.blobHashes], "a transaction");
  const toAt = to.end === to.start ? undefined : addressIn(to, "a transaction");
  return {
    senderAt,
    toAt,
    hash: () => hashOf(raw, item) as TxHash,
    read: () => ({
      type,
      nonce: bigintAt(bytes, nonce),
      sender: addressAt(bytes, senderAt),
      to: toAt === undefined ? undefined : addressAt(bytes, toAt),
      value: bigintAt(bytes, value),
      maxFeePerGas: bigintAt(bytes, feeCap),
      maxPriorityFeePerGas: bigintAt(bytes, tipCap),
      blobCount: blobHashes.length,
    }),
  };
}

function receiptOf(raw: Raw, item: Span): EthereumReceipt {
  const fields = listOf(raw, payloadOf(raw, item), "a receipt");
  const status = stringOf(fields[0], "a receipt");
  const length = status.end - status.start;
  return {
    status: length === STATE_ROOT_BYTES ? undefined : length === 0 ? 0 : 1,
    cumulativeGasUsed: bigintAt(raw.bytes, stringOf(fields[1], "a receipt")),
    logs: listOf(raw, fields[3], "a receipt").map((log) => logOf(raw, log)),
  };
}

function logOf(raw: Raw, item: Span): EthereumLog {
  const [emitter, topics, data] = listOf(raw, item, "a log");
  const { start, end } = stringOf(data, "a log");
  return {
    emitterAt: addressIn(stringOf(emitter, "a log"), "a log"),
    topicsAt: topics?.start ?? 0,
    topicCount: topicsIn(raw, topics),
    dataAt: start,
    dataBytes: end - start,
  };
}

function topicsIn({ bytes }: Raw, topics: Span | undefined): number {
  if (topics?.list !== true) throw new RawValueInvalid("a log", "lacks a list");
  const { start, end } = topics;
  for (let at = start; at < end; at += TOPIC_BYTES) {
    if (bytes[at] !== TOPIC_PREFIX) throw new RawValueInvalid("a log", "has a topic that is no word");
  }
  return (end - start) / TOPIC_BYTES;
}

function withdrawalOf(raw: Raw, item: Span): Withdrawal {
  const fields = listOf(raw, item, "a withdrawal");
  const at = (index: number) => bytesOf(raw, fields[index], "a withdrawal");
  return {
    index: bigintOf(at(0)),
    validatorIndex: bigintOf(at(1)),
    address: addressOf(at(2)),
    amountGwei: bigintOf(at(3)),
  };
}

function tracesOf(raw: Raw, item: Span, count: number): readonly TransactionTrace[] {
  return perTransaction(listOf(raw, item, "the traces"), count, "the traces").map((trace) =>
    traceOf(raw, trace),
  );
}

function traceOf(raw: Raw, item: Span): TransactionTrace {
  const [failed, moves] = listOf(raw, item, "a trace");
  const { start, end } = stringOf(failed, "a trace");
  return {
    failed: end > start,
    moves: listOf(raw, moves, "a trace").map((move) => moveOf(raw, move)),
  };
}

function moveOf(raw: Raw, item: Span): MoveView {
  const { bytes } = raw;
  const fields = listOf(raw, item, "a trace");
  const field = (index: number) => stringOf(fields[index], "a trace");
  const [type, value] = [field(0), field(3)];
  const [fromAt, toAt] = [addressIn(field(1), "a trace"), addressIn(field(2), "a trace")];
  return {
    fromAt,
    toAt,
    read: () => ({
      type: String.fromCharCode(...bytes.subarray(type.start, type.end)),
      from: addressAt(bytes, fromAt),
      to: addressAt(bytes, toAt),
      value: bigintAt(bytes, value),
    }),
  };
}

/** A typed transaction or receipt (EIP-2718) is a byte string, type before payload; a legacy one is a list. */
function typeOf({ bytes }: Raw, { list, start, end }: Span): number {
  return list || start === end ? 0 : (bytes[start] as number);
}

/** What a byte string holds was not checked with the whole. */
function payloadOf({ bytes }: Raw, item: Span): Span {
  if (item.list) return item;
  checkRlp(bytes, item.start + 1, item.end);
  return spanAt(bytes, item.start + 1, item.end);
}

/** The hash of a header or of a transaction's envelope: of a list its header counts too. */
function hashOf({ bytes, keccak }: Raw, item: Span): string {
  return hexOf(keccak(bytes.subarray(item.list ? listHeaderAt(item) : item.start, item.end)));
}

function senderAt(senders: Span, index: number): number {
  const at = senders.start + index * ADDRESS_BYTES;
  if (at + ADDRESS_BYTES > senders.end)
    throw new RawValueInvalid("the senders", `end before transaction ${index}`);
  return at;
}

function perTransaction(items: readonly Span[], count: number, part: string): readonly Span[] {
  if (items.length !== count) {
    throw new RawValueInvalid(part, `are ${items.length} where the block has ${count} transactions`);
  }
  return items;
}

function listOf({ bytes }: Raw, item: Span | undefined, part: string): readonly Span[] {
  if (item?.list !== true) throw new RawValueInvalid(part, "lacks a list");
  return spansOf(bytes, item);
}

function stringOf(item: Span | undefined, part: string): Span {
  if (item?.list !== false) throw new RawValueInvalid(part, "lacks a byte string");
  return item;
}

function addressIn({ start, end }: Span, part: string): number {
  if (end - start !== ADDRESS_BYTES)
    throw new RawValueInvalid(part, "has an address that is not of 20 bytes");
  return start;
}

function bytesOf({ bytes }: Raw, item: Span | undefined, part: string): Uint8Array {
  const { start, end } = stringOf(item, part);
  return bytes.subarray(start, end);
}

function bigintAt(bytes: Uint8Array, { start, end }: Span): bigint {
  return bigintOf(bytes, start, end);
}
