import { encodeRlp, type RlpItem, uintBytes } from "../../stream/ethereum/rlp.ts";
import type { Log, Transaction } from "./content.ts";
import { fromHex, toHex, toInteger } from "./hex.ts";
import { namedFields } from "./json-block.ts";
import { keccak256 } from "./keccak.ts";
import { bytesOf } from "./rlp-view.ts";

/** What a block commits to, recomputed in the plainest way: to hold what is served against, apart from the product's own proofs. */

type Entry = readonly [path: string, value: Uint8Array];

/** The root of the trie of `values` by their index (yellow paper, appendix D), as the RPC prints it. */
export function listRoot(values: readonly Uint8Array[]): string {
  const entries = values.map((value, index): Entry => [toHex(encodeRlp(uintBytes(index))).slice(2), value]);
  return toHex(keccak256(values.length === 0 ? encodeRlp(new Uint8Array()) : encodeRlp(nodeOf(entries))));
}

function nodeOf(entries: readonly Entry[]): RlpItem {
  const [first] = entries;
  if (first === undefined) return new Uint8Array();
  if (entries.length === 1) return [hexPrefix(first[0], true), first[1]];
  const shared = sharedLength(entries);
  if (shared > 0)
    return [hexPrefix(first[0].slice(0, shared), false), reference(nodeOf(shortened(entries, shared)))];
  const branches = Array.from({ length: 16 }, (_, nibble) => {
    const below = entries.filter(([path]) => path[0] === nibble.toString(16));
    return below.length === 0 ? new Uint8Array() : reference(nodeOf(shortened(below, 1)));
  });
  return [...branches, entries.find(([path]) => path === "")?.[1] ?? new Uint8Array()];
}

function reference(node: RlpItem): RlpItem {
  const encoded = encodeRlp(node);
  return encoded.length < 32 ? node : keccak256(encoded);
}

function shortened(entries: readonly Entry[], by: number): readonly Entry[] {
  return entries.map(([path, value]): Entry => [path.slice(by), value]);
}

function sharedLength(entries: readonly Entry[]): number {
  const [[first] = [""], ...rest] = entries;
  let length = 0;
  while (length < first.length && rest.every(([path]) => path[length] === first[length])) length += 1;
  return length;
}

function hexPrefix(path: string, isLeaf: boolean): Uint8Array {
  const flag = isLeaf ? 2 : 0;
  return fromHex(path.length % 2 === 1 ? `0x${flag + 1}${path}` : `0x${flag}0${path}`);
}

/** The bloom of logs (yellow paper, 4.3.1): three bits of each address and topic. */
export function bloomOf(logs: readonly Log[]): string {
  let bloom = 0n;
  for (const part of logs.flatMap((log) => [log.address, ...log.topics])) {
    const hash = Buffer.from(keccak256(part));
    for (const at of [0, 2, 4]) bloom |= 1n << BigInt(hash.readUInt16BE(at) & 2047);
  }
  return `0x${bloom.toString(16).padStart(512, "0")}`;
}

/** The bytes whose hash a transaction's sender signed (EIPs 155, 2718). */
export function signedHash(tx: Transaction): Uint8Array {
  const unsigned = tx.fields.slice(0, -3);
  if (tx.type > 0) return keccak256(Buffer.concat([Uint8Array.of(tx.type), encodeRlp(unsigned)]));
  const v = toInteger(bytesOf(namedFields(tx)["v"]));
  const replayProof = v >= 35n ? [uintBytes((v - 35n) / 2n), new Uint8Array(), new Uint8Array()] : [];
  return keccak256(encodeRlp([...unsigned, ...replayProof]));
}
