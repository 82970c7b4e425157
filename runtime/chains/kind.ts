import type { Logger } from "pino";
import type { Source } from "../../ingest/source.ts";
import type { WatermarkRule } from "../../stream/aggregation.ts";
import type { BlockHeader } from "../../stream/block.ts";
import type { AddressForm, FlowRule } from "../../stream/flow/rule.ts";
import type { NodeAddresses } from "../environment.ts";

/** Whether a raw value still is what its header says. */
export type Reproof =
  | { readonly kind: "holds" }
  | { readonly kind: "refused"; readonly proof: string; readonly reason: string };

/** Checks a raw value again against its header and the proofs that its record names; to be called in the order of raw. */
export type Reprove = (value: Uint8Array, expected: BlockHeader, proofs: readonly string[]) => Reproof;

/** What a node says of itself, for people to read; `node` is its host. */
export interface NodeStanding {
  readonly node: string;
  readonly says: string;
}

/** Asks each node what it offers; a node that does not answer is an answer too. */
export type DescribeNodes = (
  nodes: NodeAddresses,
  log: Logger,
  signal: AbortSignal,
) => Promise<readonly NodeStanding[]>;

/**
 * What a chain is to Sluice: an address form, a flow rule, a source and its proofs. Everything else is the same for all chains.
 * What a stage does not use is not loaded.
 */
export interface ChainKind {
  readonly addressForm: AddressForm;
  /** Seconds after the first block's time from which an hour is covered: an earlier block may carry a later time (DESIGN §5). */
  readonly coverageLagS: number;
  readonly watermarkRule: WatermarkRule;
  flowRule(): Promise<FlowRule>;
  /** The chain's nodes, with the threads that prove their answers; `close` ends both. */
  openSource(nodes: NodeAddresses, log: Logger): Promise<Source>;
  reprover(): Promise<Reprove>;
  /** Undefined where all nodes offer the same. */
  readonly describeNodes: DescribeNodes | undefined;
}

/** A source that takes its prover with it when it is closed. */
export function withProver(source: Source, prover: { close(): Promise<void> }): Source {
  return {
    ...source,
    close: async () => {
      await source.close();
      await prover.close();
    },
  };
}
