import { BlockMalformed } from "../../stream/bitcoin/parse.ts";
import type { BitcoinProof } from "./prover.ts";

/** A proof that a node's answer does not hold; the provers return it as their outcome. */
export class ProofRefused extends Error {
  override readonly name = "ProofRefused";
  readonly proof: BitcoinProof;
  readonly reason: string;
  /** Whether waiving the proof lets the answer pass: no waiver lets one pass that has not the form of a block. */
  readonly waivable: boolean;
  constructor(proof: BitcoinProof, reason: string, waivable = false) {
    super(`${proof}: ${reason}`);
    this.proof = proof;
    this.reason = reason;
    this.waivable = waivable;
  }
}

/** Refuses by `proof`, which may be waived, unless `holds`. Throws `ProofRefused`. */
export function demand(holds: boolean, proof: BitcoinProof, reason: () => string): void {
  if (!holds) throw new ProofRefused(proof, reason(), true);
}

/** Refuses by `proof` unless `holds`, whatever is waived. Throws `ProofRefused`. */
export function demandAlways(holds: boolean, proof: BitcoinProof, reason: () => string): void {
  if (!holds) throw new ProofRefused(proof, reason());
}

/** Reads bytes; what can't be read is charged to `proof`. Throws `ProofRefused`. */
export function readFor<T>(proof: BitcoinProof, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof BlockMalformed) throw new ProofRefused(proof, cause.message);
    throw cause;
  }
}
