/** A block that knows the one before it; the first one of its chain has none. */
interface Linked<Block> {
  readonly height: number;
  readonly before: Block | undefined;
}

/** The block `depth` below `tip`. Throws `RangeError` below the chain's first block. */
export function back<Block extends Linked<Block>>(tip: Block, depth: number): Block {
  let block = tip;
  for (let gone = 0; gone < depth; gone += 1) {
    if (block.before === undefined) throw new RangeError(`no block ${depth} below ${tip.height}`);
    block = block.before;
  }
  return block;
}

/** The block at `height` on the chain of `tip`. Throws `RangeError` where it has none. */
export function at<Block extends Linked<Block>>(tip: Block, height: number): Block {
  return back(tip, tip.height - height);
}

/** All blocks of the chain of `tip`, oldest first. */
export function blocksOf<Block extends Linked<Block>>(tip: Block): readonly Block[] {
  const blocks: Block[] = [];
  for (let block: Block | undefined = tip; block !== undefined; block = block.before) blocks.push(block);
  return blocks.reverse();
}
