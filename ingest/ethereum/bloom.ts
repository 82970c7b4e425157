import type { Keccak256 } from "../../stream/ethereum/block.ts";
import { RlpInvalid, type Span, spanAt } from "../../stream/ethereum/rlp.ts";
import { stringOf } from "./parts.ts";

/** Bytes of a bloom filter over logs (yellow paper §4.4.3). */
export const BLOOM_BYTES = 256;

/** The three bits of an address or topic, by its encoded bytes as text: a block's logs repeat them. */
type BloomCache = Map<string, readonly [number, number, number]>;

/** What the blooms of one block are made with; `whole` gathers the block's own. */
export interface BloomTools {
  readonly keccak: Keccak256;
  readonly cache: BloomCache;
  readonly whole: Uint8Array;
}

/** The bloom over a receipt's logs, given as their encoded list; its bits are added to the whole block's. Throws `RlpInvalid`. */
export function bloomOf(logs: Uint8Array, tools: BloomTools): Uint8Array {
  const making = { bytes: logs, text: textOf(logs), bloom: new Uint8Array(BLOOM_BYTES), tools };
  const all = listAt(logs, 0, logs.length);
  if (all.end !== logs.length) throw new RlpInvalid("trailing bytes", all.end);
  for (let at = all.start; at < all.end; ) {
    const log = listAt(logs, at, all.end);
    addLog(making, log);
    at = log.end;
  }
  return making.bloom;
}

/** A bloom while it is made: arrays of their own for each log, address and topic would cost more than their hashes. */
interface Making {
  readonly bytes: Uint8Array;
  readonly text: Buffer;
  readonly bloom: Uint8Array;
  readonly tools: BloomTools;
}

function textOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A log is its address, its topics and its data. */
function addLog(making: Making, log: Span): void {
  let place = 0;
  for (let at = log.start; at < log.end; place += 1) {
    const { end } = spanAt(making.bytes, at, log.end);
    if (place === 0) add(making, at, end);
    if (place === 1) addTopics(making, listAt(making.bytes, at, log.end));
    at = end;
  }
}

function addTopics(making: Making, topics: Span): void {
  for (let at = topics.start; at < topics.end; ) {
    const { end } = spanAt(making.bytes, at, topics.end);
    add(making, at, end);
    at = end;
  }
}

/** Adds the address or topic that stands, encoded, from `start` to `end`. */
function add({ bytes, text, bloom, tools }: Making, start: number, end: number): void {
  const key = text.toString("latin1", start, end);
  let bits = tools.cache.get(key);
  if (bits === undefined) {
    bits = bitsOf(tools.keccak(stringOf(bytes.subarray(start, end))));
    tools.cache.set(key, bits);
  }
  setBit(bits[0], bloom, tools.whole);
  setBit(bits[1], bloom, tools.whole);
  setBit(bits[2], bloom, tools.whole);
}

function listAt(bytes: Uint8Array, at: number, limit: number): Span {
  const span = spanAt(bytes, at, limit);
  if (!span.list) throw new RlpInvalid("a list was expected", at);
  return span;
}

function setBit(bit: number, bloom: Uint8Array, whole: Uint8Array): void {
  const at = BLOOM_BYTES - 1 - (bit >> 3);
  const mask = 1 << (bit & 7);
  bloom[at] = (bloom[at] ?? 0) | mask;
  whole[at] = (whole[at] ?? 0) | mask;
}

/** The low 11 bits of the hash's first three pairs of bytes. */
function bitsOf(hash: Uint8Array): readonly [number, number, number] {
  const pair = (at: number): number => (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 0x7ff;
  return [pair(0), pair(2), pair(4)];
}
