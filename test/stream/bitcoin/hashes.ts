import { createHash } from "node:crypto";
import type { BitcoinHashes } from "../../../stream/bitcoin/block.ts";

/** Node's own hashes. */
export const HASHES: BitcoinHashes = {
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  ripemd160: (bytes) => createHash("ripemd160").update(bytes).digest(),
};

/** The bytes that hex stands for. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** Bytes as hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
