import type { BlockHash, BlockRef } from "../block.ts";

/** The block that the next record must follow; its hash where it is known. */
export interface LastBlock {
  readonly height: number;
  readonly hash?: BlockHash | undefined;
}

/** A topic does not go on where it stopped: records are missing, or its output was made from another chain. */
export class OrderBroken extends Error {
  override readonly name = "OrderBroken";
  readonly topic: string;
  readonly offset: number;
  constructor(where: { readonly topic: string; readonly offset: number }, last: LastBlock, found: BlockRef) {
    super(
      `offset ${where.offset} of ${where.topic} holds block ${found.height} (${found.hash}) where the one after ` +
        `${printed(last)} belongs; restore the topic, or start with a new topicPrefix, database and SLUICE_HOME`,
    );
    this.topic = where.topic;
    this.offset = where.offset;
  }
}

/** Throws `OrderBroken` unless `block` is the one after `last` (the first one may be any). */
export function assertFollows(
  where: { readonly topic: string; readonly offset: number },
  last: LastBlock | undefined,
  block: BlockRef & { readonly parent?: string },
): void {
  if (last === undefined) return;
  const linked = block.parent === undefined || last.hash === undefined || block.parent === last.hash;
  if (block.height !== last.height + 1 || !linked) throw new OrderBroken(where, last, block);
}

function printed({ height, hash }: LastBlock): string {
  return hash === undefined ? String(height) : `${height} (${hash})`;
}
