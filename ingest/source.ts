import type { BlockHeader, BlockRef } from "../stream/block.ts";

/** A block that was verified: its place, its consensus bytes, and what was proven of it. */
export interface ProvenBlock {
  readonly header: BlockHeader;
  readonly value: Uint8Array;
  readonly proofs: readonly string[];
  readonly codec: string;
  /** Further record headers (Ethereum: `blob-fraction`). */
  readonly headers: Readonly<Record<string, string>>;
}

/** Heights from `from` to `to`, both included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What one node says of its chain at one moment. */
export interface ChainView {
  readonly head: BlockHeader;
  /** The node's finalized block, where it was asked, names one, and has it on its own canonical chain. */
  readonly finalized: BlockRef | undefined;
  /** The canonical headers of the span that was asked; undefined where the node had none. */
  readonly headers: ReadonlyMap<number, BlockHeader | undefined>;
}

/**
 * A chain's nodes as ingest sees them: retries, failover and verification are behind it.
 * Every method may throw `NodesUnreachable` (exit code 4) or `ProofFailed` (exit code 5), and rejects when `signal` aborts.
 */
export interface Source {
  /** Checks chain id (or network and genesis) of every node; to be called before anything is written. */
  check(signal: AbortSignal): Promise<void>;
  /** Head, finalized block and canonical headers, all from the most trusted node that answers. */
  view(span: Span | undefined, signal: AbortSignal): Promise<ChainView>;
  /** The block itself, proven; undefined when no node has it (any more): the caller looks again. */
  block(header: BlockHeader, signal: AbortSignal): Promise<ProvenBlock | undefined>;
  /** To be told when all that a view named was had: see `Views`. */
  noteAgreed(): void;
  /** Resolves when a node announces a new head, or after `waitMs`. */
  nextHead(waitMs: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
