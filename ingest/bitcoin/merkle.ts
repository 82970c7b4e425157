import { HASH_BYTES, sha256dInto } from "./hashes.ts";

/** A Merkle root, and whether two hashes side by side are the same: then another list of transactions has this root too. */
export interface MerkleRoot {
  readonly root: Uint8Array;
  /** CVE-2012-2459: to be refused, since the rule that doubles a last odd hash makes both lists one. */
  readonly ambiguous: boolean;
}

/** The root of hashes, 32 bytes each, by Bitcoin's rule: pairs hashed together, level by level, a last odd one with itself. */
export function merkleRoot(hashes: Uint8Array): MerkleRoot {
  const level = Buffer.alloc(hashes.length + HASH_BYTES);
  level.set(hashes);
  const pair = Buffer.alloc(2 * HASH_BYTES);
  let ambiguous = false;
  for (let count = hashes.length / HASH_BYTES; count > 1; count = (count + 1) >> 1) {
    ambiguous = hasTwins(level, count) || ambiguous;
    if (count % 2 === 1) level.copyWithin(count * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES);
    for (let at = 0; at < count * HASH_BYTES; at += pair.length) {
      level.copy(pair, 0, at, at + pair.length);
      sha256dInto(level, at >> 1, pair);
    }
  }
  return { root: level.subarray(0, HASH_BYTES), ambiguous };
}

/** Whether a pair of the first `count` hashes is twice the same one. */
function hasTwins(level: Uint8Array, count: number): boolean {
  for (let pair = 0; pair + 1 < count; pair += 2) {
    const at = pair * HASH_BYTES;
    let same = 0;
    while (same < HASH_BYTES && level[at + same] === level[at + HASH_BYTES + same]) same += 1;
    if (same === HASH_BYTES) return true;
  }
  return false;
}
