import { RlpInvalid } from "../../stream/ethereum/rlp.ts";
import { FieldInvalid } from "./fields.ts";
import type { EthereumProof } from "./prover.ts";

/** A proof that a node's answer does not hold; `proveBody` and `reprove` return it as their outcome. */
export class ProofRefused extends Error {
  override readonly name = "ProofRefused";
  readonly proof: EthereumProof;
  readonly reason: string;
  constructor(proof: EthereumProof, reason: string) {
    super(`${proof}: ${reason}`);
    this.proof = proof;
    this.reason = reason;
  }
}

/** Refuses by `proof` unless `holds`. Throws `ProofRefused`. */
export function demand(holds: boolean, proof: EthereumProof, reason: () => string): void {
  if (!holds) throw new ProofRefused(proof, reason());
}

/** Reads a part of an answer; what can't be read is charged to `proof`. Throws `ProofRefused`. */
export function readFor<T>(proof: EthereumProof, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof FieldInvalid || cause instanceof RlpInvalid) {
      throw new ProofRefused(proof, cause.message);
    }
    throw cause;
  }
}
