import type { BlockHeader } from "../../stream/block.ts";
import type { Refused } from "../refuse.ts";

/** The proofs of an Ethereum block, by the names that `waive`, `proofs` and errors use (DESIGN §3). */
export const ETHEREUM_PROOFS = [
  "header",
  "transactions",
  "receipts",
  "withdrawals",
  "ommers",
  "bloom",
  "logs",
  "count",
  "senders",
  "traces",
] as const;
export type EthereumProof = (typeof ETHEREUM_PROOFS)[number];

/**
 * The whole HTTP body of one batch for one block, as bytes, to be parsed and proven on a worker thread.
 * The batch's ids: 0 the block, 1 the receipts, 2 the traces (only with `traces`); where an outcome asked for ommers,
 * 3 and 4 their headers (`eth_getUncleByBlockHashAndIndex(hash, 0x0 and 0x1)`).
 * `form` `json`: `eth_getBlockByHash(hash, true)`, `eth_getBlockReceipts(hash)`;
 * `raw`: `debug_getRawBlock(hash)`, `debug_getRawReceipts(hash)`. Traces: `debug_traceBlockByHash(hash, {tracer: "callTracer", timeout})`.
 */
export interface ProveTask {
  readonly body: ArrayBuffer;
  readonly form: "json" | "raw";
  readonly expected: BlockHeader;
  readonly chainId: number;
  readonly traces: boolean;
  readonly waive: readonly EthereumProof[];
}

/**
 * What became of it. `refused`: a proof does not hold, and whether the answer could pass without it; `missing`: the block
 * itself is null; `outage`: not an answer at all (garbage, an error object).
 * `ommers`: a block from before the Merge names ommers, whose headers its JSON lacks: send the whole batch again,
 * with `count` calls for them added (raw bytes bring them along).
 */
export type ProveOutcome =
  | {
      readonly kind: "proven";
      readonly header: BlockHeader;
      readonly value: Uint8Array;
      readonly proofs: readonly EthereumProof[];
      readonly hasBlobGas: boolean;
    }
  | Refused<EthereumProof>
  | { readonly kind: "missing" }
  | { readonly kind: "ommers"; readonly count: number }
  | { readonly kind: "unsupported"; readonly method: string; readonly reason: string }
  | { readonly kind: "outage"; readonly reason: string };

/** Worker threads that decode and prove. */
export interface Prover {
  prove(task: ProveTask): Promise<ProveOutcome>;
  close(): Promise<void>;
}
