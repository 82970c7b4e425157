import { uint32At } from "../bytes.ts";
import type {
  BitcoinBlock,
  BitcoinHeader,
  BitcoinTransaction,
  OutputsPlace,
  RawBlock,
  SpentOutputs,
  TransactionInput,
  TransactionOutput,
} from "./block.ts";
import type { ScriptSpan } from "./script.ts";

/** Bytes that are no block, or no spent outputs; `at` is the byte where that shows. */
export class BlockMalformed extends Error {
  override readonly name = "BlockMalformed";
  readonly at: number;
  constructor(reason: string, at: number) {
    super(`malformed block at byte ${at}: ${reason}`);
    this.at = at;
  }
}

/** 21 million BTC in satoshi: no value and no sum of values exceeds it (Bitcoin Core, `consensus/amount.h`). */
export const MAX_MONEY = 2_100_000_000_000_000;
/** The size of a block's header. */
export const HEADER_BYTES = 80;
/** No count and no length exceeds it (Bitcoin Core, `serialize.h`). */
const MAX_SIZE = 0x02000000;
/** An input's txid and index. */
const PREVOUT_BYTES = 36;
/** The index of the prevout that a coinbase names, with a txid of zeros. */
const NULL_INDEX = 0xffffffff;
/** An output's value. */
const VALUE_BYTES = 8;
/** BIP 144: stands where a count of inputs would, and can't be one. */
const WITNESS_MARKER = 0;
const WITNESS_FLAG = 1;

/** Where reading has come to. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Reads a raw value of codec `bitcoin.v1`: a block, then the outputs that it spends, one an input. Throws `BlockMalformed`. */
export function decodeRawBlock(value: Uint8Array): RawBlock {
  const block = parseBlock(value);
  const { spent, end } = parseSpent(value, block);
  if (end !== value.length) throw new BlockMalformed("trailing bytes", end);
  return { block, spent };
}

/** Reads a block from the beginning of `bytes`; what follows its `end` is left alone. Strict as Bitcoin Core is. Throws `BlockMalformed`. */
export function parseBlock(bytes: Uint8Array): BitcoinBlock {
  const cursor = { bytes, at: 0 };
  const header = readHeader(cursor);
  const count = compactSize(cursor);
  const transactions: BitcoinTransaction[] = [];
  for (let index = 0; index < count; index += 1) transactions.push(readTransaction(cursor, index === 0));
  if (count === 0) throw new BlockMalformed("a block has no transaction", HEADER_BYTES);
  return { bytes, header, transactions, end: cursor.at };
}

/**
 * Reads the outputs that a block spends, as Bitcoin Core's `/rest/spenttxouts/<hash>.bin` lists them by transaction, from the
 * block's end on: one an input, in its own transaction's list. What follows their `end` is left alone. Throws `BlockMalformed`.
 */
export function parseSpent(
  bytes: Uint8Array,
  { transactions, end: at }: Pick<BitcoinBlock, "transactions" | "end">,
): { readonly spent: readonly SpentOutputs[]; readonly end: number } {
  const cursor = { bytes, at };
  const count = compactSize(cursor);
  if (count !== transactions.length) {
    const fault = `spent outputs of ${count} transactions in a block of ${transactions.length}`;
    throw new BlockMalformed(fault, at);
  }
  const spent = transactions.map((tx, index) =>
    readSpent(cursor, { index, inputs: inputsSpending(tx, index) }),
  );
  return { spent, end: cursor.at };
}

/** The inputs of a parsed transaction, read again: few are ever looked at. */
export function inputsOf({ bytes }: BitcoinBlock, tx: BitcoinTransaction): readonly TransactionInput[] {
  const cursor = { bytes, at: tx.inputsAt };
  return Array.from({ length: compactSize(cursor) }, () => readInput(cursor));
}

/** The outputs that a parsed transaction makes, or spends, read again: few are ever looked at, and a block has very many. */
export function outputsOf(
  { bytes }: Pick<BitcoinBlock, "bytes">,
  { outputsAt }: OutputsPlace,
): readonly TransactionOutput[] {
  const cursor = { bytes, at: outputsAt };
  return Array.from({ length: compactSize(cursor) }, () => readOutput(cursor));
}

/** Whether a script is wanted, of the outputs that `outputsOf` lists: for a walk over all outputs of a block. */
export function hasScript(
  { bytes }: Pick<BitcoinBlock, "bytes">,
  { outputsAt }: OutputsPlace,
  wanted: (script: ScriptSpan) => boolean,
): boolean {
  const cursor = { bytes, at: outputsAt };
  for (let left = compactSize(cursor); left > 0; left -= 1) {
    skip(cursor, VALUE_BYTES);
    if (wanted(readScript(cursor))) return true;
  }
  return false;
}

/** Where each input's txid and index of the output that it spends stand: for a walk over all inputs of a block. */
export function prevoutsOf({ bytes }: BitcoinBlock, tx: BitcoinTransaction): readonly number[] {
  const cursor = { bytes, at: tx.inputsAt };
  const places: number[] = [];
  for (let left = compactSize(cursor); left > 0; left -= 1) places.push(readInput(cursor).prevoutAt);
  return places;
}

/** The items of each input's witness, as views; empty for a transaction without one. */
export function witnessesOf(
  { bytes }: BitcoinBlock,
  tx: BitcoinTransaction,
): readonly (readonly Uint8Array[])[] {
  if (!tx.hasWitness) return [];
  const cursor = { bytes, at: tx.witnessAt };
  const item = () => {
    const length = compactSize(cursor);
    skip(cursor, length);
    return bytes.subarray(cursor.at - length, cursor.at);
  };
  return Array.from({ length: tx.inputCount }, () => Array.from({ length: compactSize(cursor) }, item));
}

function readHeader(cursor: Cursor): BitcoinHeader {
  const { bytes, at } = cursor;
  skip(cursor, HEADER_BYTES);
  return {
    version: uint32At(bytes, at) | 0,
    parent: bytes.subarray(at + 4, at + 36),
    merkleRoot: bytes.subarray(at + 36, at + 68),
    time: uint32At(bytes, at + 68),
    bits: uint32At(bytes, at + 72),
    nonce: uint32At(bytes, at + 76),
  };
}

function readTransaction(cursor: Cursor, coinbase: boolean): BitcoinTransaction {
  const start = cursor.at;
  skip(cursor, 4);
  const hasWitness = skipWitnessMark(cursor);
  const inputsAt = cursor.at;
  const inputCount = skipInputs(cursor, coinbase);
  const outputsAt = cursor.at;
  const outputCount = compactSize(cursor);
  const total = skipOutputs(cursor, outputCount);
  if (outputCount === 0) throw new BlockMalformed("a transaction has no output", outputsAt);
  const witnessAt = cursor.at;
  if (hasWitness) skipWitness(cursor, inputCount);
  skip(cursor, 4);
  return { start, inputsAt, inputCount, outputsAt, total, witnessAt, hasWitness, end: cursor.at };
}

function skipWitnessMark(cursor: Cursor): boolean {
  const { bytes, at } = cursor;
  if (bytes[at] !== WITNESS_MARKER) return false;
  skip(cursor, 2);
  if (bytes[at + 1] !== WITNESS_FLAG) {
    throw new BlockMalformed("a transaction has no input, or a witness mark without the flag 1", at);
  }
  return true;
}

function skipInputs(cursor: Cursor, coinbase: boolean): number {
  const { at } = cursor;
  const count = compactSize(cursor);
  if (count === 0) throw new BlockMalformed("a transaction has no input", at);
  if (coinbase && count !== 1) throw new BlockMalformed("the first transaction is no coinbase", at);
  for (let index = 0; index < count; index += 1) {
    const { prevoutAt } = readInput(cursor);
    if (isNull(cursor.bytes, prevoutAt) !== coinbase) {
      throw new BlockMalformed(
        coinbase
          ? "the first transaction is no coinbase"
          : "an input spends no output, as only a coinbase's does",
        prevoutAt,
      );
    }
  }
  return count;
}

function readInput(cursor: Cursor): TransactionInput {
  const prevoutAt = cursor.at;
  skip(cursor, PREVOUT_BYTES);
  const length = compactSize(cursor);
  const scriptAt = cursor.at;
  skip(cursor, length + 4);
  return { prevoutAt, scriptAt, scriptEnd: scriptAt + length };
}

function isNull(bytes: Uint8Array, prevoutAt: number): boolean {
  if (uint32At(bytes, prevoutAt + 32) !== NULL_INDEX) return false;
  for (let at = prevoutAt; at < prevoutAt + 32; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** A coinbase's input spends nothing. */
function inputsSpending({ inputCount }: BitcoinTransaction, index: number): number {
  return index === 0 ? 0 : inputCount;
}

/** The number is looked at first: what a node sends here is bounded by nothing that the block commits to. */
function readSpent(
  cursor: Cursor,
  { index, inputs }: { readonly index: number; readonly inputs: number },
): SpentOutputs {
  const { at } = cursor;
  const count = compactSize(cursor);
  if (count !== inputs) {
    throw new BlockMalformed(`${count} spent outputs for ${inputs} inputs of transaction ${index}`, at);
  }
  return { outputsAt: at, total: skipOutputs(cursor, count) };
}

/** The sum of their values. */
function skipOutputs(cursor: Cursor, count: number): number {
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const { at } = cursor;
    total += readOutput(cursor).value;
    if (total > MAX_MONEY) throw new BlockMalformed("values are negative or above 21 million BTC", at);
  }
  return total;
}

/** A negative value reads as a huge one. */
function readOutput(cursor: Cursor): TransactionOutput {
  const { bytes, at } = cursor;
  skip(cursor, VALUE_BYTES);
  const value = uint32At(bytes, at + 4) * 0x1_0000_0000 + uint32At(bytes, at);
  const { scriptAt, scriptEnd } = readScript(cursor);
  return { value, scriptAt, scriptEnd };
}

function readScript(cursor: Cursor): ScriptSpan {
  const length = compactSize(cursor);
  const scriptAt = cursor.at;
  skip(cursor, length);
  return { scriptAt, scriptEnd: cursor.at };
}

function skipWitness(cursor: Cursor, inputCount: number): void {
  const start = cursor.at;
  let empty = true;
  for (let input = 0; input < inputCount; input += 1) {
    const items = compactSize(cursor);
    if (items > 0) empty = false;
    for (let item = 0; item < items; item += 1) skip(cursor, compactSize(cursor));
  }
  if (empty) throw new BlockMalformed("a transaction is marked as having a witness and has none", start);
}

function skip(cursor: Cursor, length: number): void {
  if (cursor.at + length > cursor.bytes.length) throw new BlockMalformed("cut off", cursor.bytes.length);
  cursor.at += length;
}

/** A count or length in its shortest form, as Bitcoin Core's `ReadCompactSize` takes it. */
function compactSize(cursor: Cursor): number {
  const { bytes, at } = cursor;
  skip(cursor, 1);
  const first = bytes[at] as number;
  return first < 0xfd ? first : longSize(cursor, first);
}

function longSize(cursor: Cursor, first: number): number {
  const { bytes, at } = cursor;
  const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
  skip(cursor, width);
  if (width === 2) {
    const size = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    return shortest(size, 0xfd, at);
  }
  const high = width === 8 ? uint32At(bytes, at + 4) : 0;
  const size = high * 0x1_0000_0000 + uint32At(bytes, at);
  return shortest(size, width === 4 ? 0x1_0000 : 0x1_0000_0000, at);
}

function shortest(size: number, least: number, at: number): number {
  if (size < least) throw new BlockMalformed("a count is not in its shortest form", at - 1);
  if (size > MAX_SIZE) throw new BlockMalformed("a count is too large", at - 1);
  return size;
}
