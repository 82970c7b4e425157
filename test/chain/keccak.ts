import { createKeccak } from "hash-wasm";

const hasher = await createKeccak(256);

/** Keccak-256 (32 bytes); one hasher for all, since nothing here runs in between. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return hasher.init().update(bytes).digest("binary");
}
