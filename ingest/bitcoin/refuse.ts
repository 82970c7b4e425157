import { BlockMalformed } from "../../stream/bitcoin/parse.ts";
import { Refusal, refusalsBy } from "../refuse.ts";
import type { BitcoinProof } from "./prover.ts";

/** A proof of a Bitcoin block that does not hold. */
export class ProofRefused extends Refusal<BitcoinProof> {}

/** How Bitcoin's provers refuse. All throw `ProofRefused`. */
export const { demand, demandAlways, readFor } = refusalsBy(
  ProofRefused,
  (cause) => cause instanceof BlockMalformed,
);
