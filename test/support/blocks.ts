import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import type { Announcement } from "../../stream/finality.ts";

/** Blocks of a story: `grow(genesis, 3, "a")` is a chain of three blocks a1, a2, a3 above it, times ten seconds apart. */
export function grow(parent: BlockHeader, count: number, branch: string): readonly BlockHeader[] {
  const blocks: BlockHeader[] = [];
  for (let index = 0; index < count; index += 1) {
    const below = blocks.at(-1) ?? parent;
    const height = below.height + 1;
    blocks.push({
      height,
      hash: `${branch}${height}` as BlockHash,
      parent: below.hash,
      time: below.time + 10,
    });
  }
  return blocks;
}

/** The first block of a story, at `height`. */
export function root(height = 0): BlockHeader {
  return { height, hash: `root${height}` as BlockHash, parent: "before" as BlockHash, time: 1_700_000_000 };
}

/** The announcements of `blocks`, at raw offsets from `offset` on. */
export function announce(
  blocks: readonly BlockHeader[],
  offset = 0,
  finalized?: Announcement["finalized"],
): readonly Announcement[] {
  return blocks.map((block, index) => ({ ...block, offset: offset + index, finalized }));
}
