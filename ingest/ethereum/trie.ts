import type { Keccak256 } from "../../stream/ethereum/block.ts";
import { encodeRlp, uintBytes } from "../../stream/ethereum/rlp.ts";
import { closeList, openTape, putByte, putRaw, putString, type Tape, written } from "./tape.ts";

/** A trie under construction. */
interface Trie {
  readonly values: readonly Uint8Array[];
  /** The indexes of the values in the order of their keys. */
  readonly order: readonly number[];
  readonly tape: Tape;
  readonly keccak: Keccak256;
}

/** Keys in their order, `from` inclusive to `to` exclusive, that share their first `depth` nibbles. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

const EMPTY = new Uint8Array([0x80]);

/** Where nodes are put together, one trie after the other; it grows where a value is longer. */
const NODES = openTape(1 << 16);

/**
 * The root of the trie that holds `values` under the RLP of their indexes (yellow paper, appendix D):
 * how a header commits to transactions, receipts and withdrawals.
 * All keys are known before, so the nodes are built from a sorted list, without a database or insertions,
 * and on one tape, where each makes room for its hash: arrays of their own would cost as much as the hashes.
 */
export function indexedRoot(values: readonly Uint8Array[], keccak: Keccak256): Uint8Array {
  if (values.length === 0) return keccak(EMPTY);
  NODES.used = 0;
  const trie = { values, order: keyOrder(values.length), tape: NODES, keccak };
  putNode(trie, { from: 0, to: values.length, depth: 0 });
  return keccak(written(NODES, 0));
}

/** RLP of an index sorts as: 1 … 127, 0, 128 …, since 0 is 0x80 and 128 begins with 0x81. */
function keyOrder(count: number): readonly number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  return [...order.slice(1, 128), 0, ...order.slice(128)];
}

function putNode(trie: Trie, range: Range): void {
  const { tape } = trie;
  const mark = tape.used;
  const first = keyAt(trie, range.from);
  if (range.to - range.from === 1) {
    putString(tape, valueAt(trie, range.from));
    putPath(tape, first.subarray(range.depth), true);
    closeList(tape, mark);
    return;
  }
  const shared = sharedNibbles(first, keyAt(trie, range.to - 1), range.depth);
  putBranch(trie, { ...range, depth: shared });
  if (shared === range.depth) return;
  shorten(trie, mark);
  putPath(tape, first.subarray(range.depth, shared), false);
  closeList(tape, mark);
}

/** No key is the beginning of another one, so a branch's own value is always empty. */
function putBranch(trie: Trie, range: Range): void {
  const { tape } = trie;
  const start = tape.used;
  putRaw(tape, EMPTY);
  let to = range.to;
  for (let nibble = 15; nibble >= 0; nibble -= 1) {
    let from = to;
    while (from > range.from && keyAt(trie, from - 1)[range.depth] === nibble) from -= 1;
    if (from === to) {
      putRaw(tape, EMPTY);
      continue;
    }
    const mark = tape.used;
    putNode(trie, { from, to, depth: range.depth + 1 });
    shorten(trie, mark);
    to = from;
  }
  closeList(tape, start);
}

/** A node below 32 bytes stands in its parent itself, a longer one by its hash. */
function shorten({ tape, keccak }: Trie, mark: number): void {
  if (tape.used - mark < 32) return;
  const hash = keccak(written(tape, mark));
  tape.used = mark;
  putString(tape, hash);
}

function keyAt({ order }: Trie, place: number): Uint8Array {
  return keyOf(order[place] ?? 0);
}

function valueAt({ order, values }: Trie, place: number): Uint8Array {
  const value = values[order[place] ?? 0];
  if (value === undefined) throw new RangeError("a trie node without entries");
  return value;
}

/** The keys of the first indexes, which every trie has. */
const KEYS: Uint8Array[] = [];

/** The nibbles of an index's key. */
function keyOf(index: number): Uint8Array {
  for (let next = KEYS.length; next <= index; next += 1) KEYS.push(nibblesOf(encodeRlp(uintBytes(next))));
  return KEYS[index] ?? EMPTY;
}

function sharedNibbles(a: Uint8Array, b: Uint8Array, from: number): number {
  let at = from;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function nibblesOf(bytes: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(bytes.length * 2);
  for (const [index, byte] of bytes.entries()) {
    nibbles[index * 2] = byte >> 4;
    nibbles[index * 2 + 1] = byte & 0x0f;
  }
  return nibbles;
}

/** Writes the compact form of a path (appendix C): a flag for a leaf and for an odd length, then the nibbles. */
function putPath(tape: Tape, nibbles: Uint8Array, leaf: boolean): void {
  const odd = nibbles.length % 2;
  const bytes = (nibbles.length >> 1) + 1;
  for (let at = nibbles.length - 2; at >= odd; at -= 2) {
    putByte(tape, ((nibbles[at] ?? 0) << 4) | (nibbles[at + 1] ?? 0));
  }
  putByte(tape, (((leaf ? 2 : 0) + odd) << 4) | (odd === 1 ? (nibbles[0] ?? 0) : 0));
  if (bytes > 1) putByte(tape, 0x80 + bytes);
}
