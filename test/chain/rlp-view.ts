import type { RlpItem } from "../../stream/ethereum/rlp.ts";

/** RLP of another shape than the one that consensus has there. */
export class ShapeUnexpected extends Error {
  override readonly name = "ShapeUnexpected";
}

/** The item as a byte string. Throws `ShapeUnexpected`. */
export function bytesOf(item: RlpItem | undefined): Uint8Array {
  if (item instanceof Uint8Array) return item;
  throw new ShapeUnexpected("a byte string was expected");
}

/** The item as a list. Throws `ShapeUnexpected`. */
export function listOf(item: RlpItem | undefined): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw new ShapeUnexpected("a list was expected");
  return item;
}
