import type { Address, BlockHash } from "../../stream/block.ts";
import type { ValueMove } from "../../stream/ethereum/block.ts";
import { encodeRlp, type RlpItem, uintBytes } from "../../stream/ethereum/rlp.ts";
import type { FinalBlock } from "../../stream/flow/rule.ts";
import { ALL_PROOFS } from "./final-block.ts";
import { bytesOf, traceItem } from "./raw-value.ts";

/** A made-up Ethereum block, told by what matters to flows; everything left out is dull. */
export interface BlockStory {
  readonly height?: number;
  readonly time?: number;
  readonly feeRecipient?: Address;
  /** Undefined: a block from before London. */
  readonly baseFee?: bigint | undefined;
  readonly excessBlobGas?: bigint;
  /** An Amsterdam header. */
  readonly slotNumber?: bigint;
  readonly transactions?: readonly TransactionStory[];
  readonly withdrawals?: readonly { readonly to: Address; readonly gwei: bigint }[];
  readonly traced?: boolean;
}

export interface TransactionStory {
  readonly type?: number;
  readonly from?: Address;
  /** Null: it creates a contract. */
  readonly to?: Address | null;
  readonly nonce?: bigint;
  readonly value?: bigint;
  readonly feeCap?: bigint;
  readonly tipCap?: bigint;
  readonly blobs?: number;
  readonly gasUsed?: bigint;
  /** `root`: a receipt from before Byzantium. */
  readonly status?: 0 | 1 | "root";
  readonly logs?: readonly LogStory[];
  /** What the trace says of the root frame; without it, the status. */
  readonly rootFailed?: boolean;
  readonly moves?: readonly ValueMove[];
}

export interface LogStory {
  readonly emitter: Address;
  readonly topics: readonly string[];
  readonly data: string;
}

const none = new Uint8Array(0);
const word = (size = 32) => new Uint8Array(size);
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** An address told by one letter or digit: `address("a")` is 0xaaaa…. */
export function address(letter: string): Address {
  return `0x${letter.repeat(40)}` as Address;
}

/** Bytes as `0x` hex. */
export function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

/** The 32-byte word of an address or amount, without prefix. */
export function wordOf(value: Address | bigint): string {
  return (typeof value === "bigint" ? value.toString(16) : value.slice(2)).padStart(64, "0");
}

/** An ERC-20 `Transfer` log. */
export function transfer(emitter: Address, from: Address, to: Address, amount: bigint): LogStory {
  return { emitter, topics: [TRANSFER, `0x${wordOf(from)}`, `0x${wordOf(to)}`], data: `0x${wordOf(amount)}` };
}

/** The story's block as the final topic holds it, every proof made. */
export function finalBlock(story: BlockStory, change: Partial<FinalBlock> = {}): FinalBlock {
  return {
    height: story.height ?? 1,
    hash: hex(word()) as BlockHash,
    parent: hex(word()) as BlockHash,
    time: story.time ?? 1_700_000_000,
    proofs: new Set(ALL_PROOFS),
    headers: {},
    value: rawValue(story),
    ...change,
  };
}

/** The story's block as a raw value. */
export function rawValue(story: BlockStory): Uint8Array {
  const transactions = story.transactions ?? [];
  const withdrawals = story.withdrawals?.map(({ to, gwei }, index) => [
    uintBytes(index),
    uintBytes(index),
    bytesOf(to),
    uintBytes(gwei),
  ]);
  const body: RlpItem[] = [
    headerItem(story),
    transactions.map(transactionItem),
    [],
    ...(withdrawals ? [withdrawals] : []),
  ];
  const senders = Buffer.concat(transactions.map(({ from }) => bytesOf(from ?? address("1"))));
  let cumulative = 0n;
  const receipts = transactions.map((transaction) => {
    cumulative += transaction.gasUsed ?? 21_000n;
    return receiptItem(transaction, cumulative);
  });
  const traces = transactions.map((one) => traceItem(one.rootFailed ?? one.status === 0, one.moves ?? []));
  return encodeRlp([body, receipts, Uint8Array.from(senders), ...(story.traced === true ? [traces] : [])]);
}

function headerItem(story: BlockStory): RlpItem {
  const { height = 1, time = 1_700_000_000, feeRecipient = address("9"), excessBlobGas, slotNumber } = story;
  const baseFee = "baseFee" in story ? story.baseFee : 10n;
  const old = [word(), word(), bytesOf(feeRecipient), word(), word(), word(), word(256), none];
  const numbers = [uintBytes(height), none, none, uintBytes(time), none, word(), word(8)];
  const london = baseFee === undefined ? [] : [uintBytes(baseFee)];
  const cancun = excessBlobGas === undefined ? [] : [word(), none, uintBytes(excessBlobGas)];
  const filler = slotNumber !== undefined && excessBlobGas === undefined ? [word(), none, none] : [];
  const amsterdam = slotNumber === undefined ? [] : [word(), word(), word(), uintBytes(slotNumber)];
  return [...old, ...numbers, ...london, ...cancun, ...filler, ...amsterdam];
}

function transactionItem(story: TransactionStory): RlpItem {
  const { type = 2, nonce = 0n, value = 0n, feeCap = 100n, tipCap = 2n, blobs = 0 } = story;
  const to = story.to === null ? none : bytesOf(story.to ?? address("2"));
  const tail = [to, uintBytes(value), none];
  if (type === 0) return [uintBytes(nonce), uintBytes(feeCap), none, ...tail, none, none, none];
  const fees = type === 1 ? [uintBytes(feeCap)] : [uintBytes(tipCap), uintBytes(feeCap)];
  const extra = type === 3 ? [none, Array.from({ length: blobs }, () => word())] : type === 4 ? [[]] : [];
  const fields = [uintBytes(1), uintBytes(nonce), ...fees, none, ...tail, [], ...extra, none, none, none];
  return typed(type, fields);
}

function receiptItem(story: TransactionStory, cumulativeGasUsed: bigint): RlpItem {
  const { status = 1, logs = [], type = 2 } = story;
  const outcome = status === "root" ? word() : uintBytes(status);
  const items = logs.map(({ emitter, topics, data }) => [
    bytesOf(emitter),
    topics.map(bytesOf),
    bytesOf(data),
  ]);
  const fields = [outcome, uintBytes(cumulativeGasUsed), word(256), items];
  return type === 0 ? fields : typed(type, fields);
}

function typed(type: number, fields: RlpItem): Uint8Array {
  return Uint8Array.from([type, ...encodeRlp(fields)]);
}
