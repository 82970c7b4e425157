import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import type { ServedBlock } from "./served.ts";

/** Where a node says that finality is: so many blocks below its head, or not known (geth before its consensus layer spoke). */
export type Finalized = { readonly kind: "depth"; readonly depth: number } | { readonly kind: "unknown" };

/** A block that knows its parent. */
interface Linked<Block> extends BlockHeader {
  readonly before: Block | undefined;
}

/** What a node knows: every block that it ever followed, and which of them are its main chain. */
export class View<Block extends Linked<Block> = ServedBlock> {
  /** The main chain, oldest first. */
  #main: Block[] = [];
  readonly #known = new Map<BlockHash, Block>();
  /** By how many blocks it hides its newest ones. */
  behind = 0;
  /** What it calls its head without being able to serve it. */
  mirage: Block | undefined;
  finalized: Finalized = { kind: "depth", depth: 64 };

  /** Makes `tip` the head: what left the main chain stays known by its hash, as in geth. */
  follow(tip: Block): void {
    const added: Block[] = [];
    let block: Block | undefined = tip;
    while (block !== undefined && this.#mainAt(block.height)?.hash !== block.hash) {
      added.push(block);
      this.#known.set(block.hash, block);
      block = block.before;
    }
    const kept = block === undefined ? 0 : block.height - this.#first() + 1;
    this.#main = [...this.#main.slice(0, kept), ...added.reverse()];
  }

  head(): Block {
    const head = this.#main[Math.max(0, this.#main.length - 1 - this.behind)];
    if (head === undefined) throw new RangeError("a node follows at least one block");
    return head;
  }

  byHash(hash: string): Block | undefined {
    const block = this.#known.get(hash as BlockHash);
    return block !== undefined && block.height <= this.head().height ? block : undefined;
  }

  /** The block of the main chain at `height`, unless it is above the head. */
  byHeight(height: number): Block | undefined {
    return height > this.head().height ? undefined : this.#mainAt(height);
  }

  /** The finalized block; undefined where the node names none. */
  finalBlock(): Block | undefined {
    if (this.finalized.kind === "unknown") return undefined;
    return this.byHeight(Math.max(this.#first(), this.head().height - this.finalized.depth));
  }

  #mainAt(height: number): Block | undefined {
    return this.#main[height - this.#first()];
  }

  #first(): number {
    return this.#main[0]?.height ?? 0;
  }
}
