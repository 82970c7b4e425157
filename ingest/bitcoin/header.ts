import { displayHash } from "../../stream/bitcoin/bytes.ts";
import { HEADER_BYTES } from "../../stream/bitcoin/parse.ts";
import type { BlockHash } from "../../stream/block.ts";
import { uint32At } from "../../stream/bytes.ts";
import { isObject } from "../rpc.ts";
import { sha256d } from "./hashes.ts";
import type { Bits } from "./target.ts";

/** What a block's hash commits to of its place: all but the height. `time` in Unix seconds. */
export interface ChainHeader {
  readonly hash: BlockHash;
  readonly parent: BlockHash;
  readonly time: number;
  readonly bits: Bits;
}

/** What stands for the parent of a block that has none. */
const NO_PARENT = "0".repeat(64);
/** The largest unsigned integer of four bytes. */
const MAX_UINT32 = 0xffffffff;

/** The 80 bytes of a header from what `getblockheader` or `getblock` prints of it; undefined where the form is wrong. */
export function encodeHeader(json: unknown): Uint8Array | undefined {
  if (!isObject(json)) return undefined;
  const { version, previousblockhash = NO_PARENT, merkleroot, time, bits, nonce } = json;
  if (typeof version !== "number" || !Number.isInteger(version)) return undefined;
  if (!isHash(previousblockhash) || !isHash(merkleroot) || !isUint32(time) || !isUint32(nonce)) {
    return undefined;
  }
  if (typeof bits !== "string" || !/^[0-9a-f]{8}$/i.test(bits)) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(version | 0, 0);
  header.set(hashBytes(previousblockhash), 4);
  header.set(hashBytes(merkleroot), 36);
  header.writeUInt32LE(time, 68);
  header.writeUInt32LE(Number.parseInt(bits, 16), 72);
  header.writeUInt32LE(nonce, 76);
  return header;
}

/** A block's header from what `getblockheader` prints, by the hash that its fields have; undefined where the form is wrong. */
export function headerOf(json: unknown): ChainHeader | undefined {
  const bytes = encodeHeader(json);
  if (bytes === undefined) return undefined;
  return {
    hash: displayHash(sha256d(bytes)) as BlockHash,
    parent: displayHash(bytes.subarray(4, 36)) as BlockHash,
    time: uint32At(bytes, 68),
    bits: uint32At(bytes, 72),
  };
}

/** Whether a JSON value is a hash in display order. */
export function isHash(value: unknown): value is BlockHash {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** Whether a JSON value is an unsigned integer of four bytes: heights, times and nonces are. */
export function isUint32(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_UINT32;
}

function hashBytes(hash: string): Uint8Array {
  return Buffer.from(hash, "hex").reverse();
}
