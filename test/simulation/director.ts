import { type SimBlock, SimChain } from "./chain.ts";
import type { NodeState } from "./node.ts";
import type { Random } from "./random.ts";
import type { Story, Turn } from "./story.ts";

/** A turn in which nothing leaves and all nodes hear of everything. */
export function plainTurn(grow: number, finalizedLag: number): Turn {
  return { afterMs: 500, depth: 0, grow, finalizedLag, views: [], returns: false, rogue: false };
}

/** Plays the turns of a story on the chain: what its blocks are, and what each node has heard of them. */
export class Director {
  readonly chain: SimChain;
  readonly nodes: readonly NodeState[];
  /** All blocks that the chain itself ever called finalized. */
  readonly finalized = new Set<string>();
  readonly #story: Story;
  readonly #random: Random;
  #head: SimBlock;
  /** The head before the last reorg. */
  #left: SimBlock | undefined;
  #finalizedHeight = -1;
  /** The highest block that somebody may have called final: it and all below it stay. */
  #floor = -1;

  constructor(story: Story, random: Random) {
    this.#story = story;
    this.#random = random;
    this.chain = new SimChain(story.start, story.timeRule, story.sparse);
    this.#head = this.chain.grow(undefined, random);
    this.nodes = Array.from({ length: story.nodes }, () => ({ head: this.#head, finalized: undefined }));
    this.#raiseFloor();
  }

  get head(): SimBlock {
    return this.#head;
  }

  play(turn: Turn): void {
    const depth = turn.rogue ? this.#head.height - this.#floor + 1 + turn.depth : turn.depth;
    const kept = this.#returned(turn) ?? this.#below(Math.min(depth, this.#mostDepth(turn)));
    const wanted = kept === undefined || turn.rogue ? Math.max(1, turn.grow) : turn.grow;
    let head = kept;
    for (let grown = 0; grown < wanted; grown += 1) head = this.chain.grow(head, this.#random);
    if (kept !== this.#head) this.#left = this.#head;
    this.#head = head as SimBlock;
    this.#raiseFloor();
    const finalized = this.#finalize(turn);
    for (const [index, node] of this.nodes.entries()) this.#show(node, turn.views[index] ?? 0, finalized);
  }

  #returned({ returns }: Turn): SimBlock | undefined {
    const left = this.#left;
    if (!returns || left === undefined || left.height < this.#floor) return undefined;
    return this.#isHarmless({ head: left, finalized: undefined }) ? left : undefined;
  }

  #mostDepth(turn: Turn): number {
    return turn.rogue ? this.#head.height - this.#story.start : this.#head.height - this.#floor;
  }

  /** The block that is the head when `depth` blocks have left; undefined: not even the first one stays. */
  #below(depth: number): SimBlock | undefined {
    let at: SimBlock | undefined = this.#head;
    for (let gone = 0; gone < depth && at !== undefined; gone += 1) at = this.chain.get(at.parent);
    return at;
  }

  #raiseFloor(): void {
    const { policy, start } = this.#story;
    const final =
      policy.kind === "tag" ? this.#finalizedHeight : this.#head.height - policy.confirmations + 1;
    this.#floor = Math.max(this.#floor, start - 1, final);
  }

  #finalize({ finalizedLag }: Turn): SimBlock | undefined {
    const { start } = this.#story;
    const height = Math.max(this.#finalizedHeight, this.#head.height - finalizedLag);
    if (height < start) return undefined;
    const block = this.#below(Math.max(0, this.#head.height - height));
    this.#finalizedHeight = height;
    for (let at = block; at !== undefined && !this.finalized.has(at.hash); at = this.chain.get(at.parent))
      this.finalized.add(at.hash);
    this.#raiseFloor();
    return block;
  }

  #show(node: NodeState, view: number | "stale", finalized: SimBlock | undefined): void {
    if (view === "stale" && this.#isHarmless(node)) return;
    node.head = this.#below(Math.min(view === "stale" ? 0 : view, this.#head.height - this.#story.start));
    node.finalized = finalized;
  }

  /** Whether what the node still shows contradicts nothing that may be final by now. */
  #isHarmless({ head }: NodeState): boolean {
    if (head === undefined || this.#floor < this.#story.start) return true;
    const chain = this.chain.upTo(head);
    const at = this.#below(this.#head.height - Math.min(this.#floor, head.height, this.#head.height));
    return at !== undefined && chain.includes(at);
  }
}
