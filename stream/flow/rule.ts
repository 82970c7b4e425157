import type { Address, BlockHeader } from "../block.ts";
import type { LabelBook } from "./labels.ts";
import type { BlockFlows } from "./leg.ts";

/** A final block as its record holds it. */
export interface FinalBlock extends BlockHeader {
  readonly proofs: ReadonlySet<string>;
  /** All record headers, for what only the chain's own rule knows of. */
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** What a chain is to the flows stage: from a final block and the labels of its chain to what flowed. Pure. */
export type FlowRule = (block: FinalBlock, book: LabelBook) => BlockFlows;

/** The form in which the chain prints `text`, or undefined when the chain's own node would refuse it. */
export type AddressForm = (text: string) => Address | undefined;
