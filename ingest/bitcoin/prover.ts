import type { BitcoinNetwork } from "../../stream/bitcoin/network.ts";
import type { BlockHeader } from "../../stream/block.ts";
import type { Refused } from "../refuse.ts";
import type { WorkHistory } from "./work.ts";

/** The proofs of a Bitcoin block, by the names that `waive`, `proofs` and errors use (DESIGN §3). */
export const BITCOIN_PROOFS = ["header", "work", "merkle", "witness", "height", "spent", "coinbase"] as const;
export type BitcoinProof = (typeof BITCOIN_PROOFS)[number];

/**
 * A node's answer for one block, as bytes, to be read and proven on a worker thread. `rest`: the block and its spent outputs
 * as `/rest/block` and `/rest/spenttxouts` send them; `rpc`: the answer to a batch whose one call is `getblock <hash> 3`.
 */
export type BlockAnswer =
  | { readonly form: "rest"; readonly block: ArrayBuffer; readonly spent: ArrayBuffer }
  | { readonly form: "rpc"; readonly body: ArrayBuffer };

/** A block to be proven. */
export interface BitcoinTask {
  readonly answer: BlockAnswer;
  readonly expected: BlockHeader;
  readonly network: BitcoinNetwork;
  /** Of the block's ancestors; undefined where nothing is known of them: the retarget is not looked at then. */
  readonly history: WorkHistory | undefined;
  readonly waive: readonly BitcoinProof[];
}

/**
 * What became of it. `refused`: a proof does not hold, and whether the answer could pass without it;
 * `missing`: the node has no such block on its chain, in its own words where it has some; `lacking`: it has, without what is needed of it;
 * `outage`: not an answer at all.
 */
export type BitcoinOutcome =
  | { readonly kind: "proven"; readonly value: Uint8Array; readonly proofs: readonly BitcoinProof[] }
  | Refused<BitcoinProof>
  | { readonly kind: "missing"; readonly reason?: string }
  | { readonly kind: "lacking"; readonly reason: string }
  | { readonly kind: "outage"; readonly reason: string };

/** Worker threads that decode and prove. */
export interface BitcoinProver {
  prove(task: BitcoinTask): Promise<BitcoinOutcome>;
  close(): Promise<void>;
}
