import { RlpInvalid } from "../../stream/ethereum/rlp.ts";
import { Refusal, refusalsBy } from "../refuse.ts";
import { FieldInvalid } from "./fields.ts";
import type { EthereumProof } from "./prover.ts";

/** A proof of an Ethereum block that does not hold. */
export class ProofRefused extends Refusal<EthereumProof> {}

/** How Ethereum's provers refuse. All throw `ProofRefused`. */
export const { demand, demandAlways, readFor, readToProve } = refusalsBy(
  ProofRefused,
  (cause) => cause instanceof FieldInvalid || cause instanceof RlpInvalid,
);
