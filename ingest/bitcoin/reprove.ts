import type { BitcoinNetwork } from "../../stream/bitcoin/network.ts";
import type { BlockHeader } from "../../stream/block.ts";
import { uint32At } from "../../stream/bytes.ts";
import { proveValue } from "./prove.ts";
import { BITCOIN_PROOFS, type BitcoinProof } from "./prover.ts";
import { ProofRefused } from "./refuse.ts";
import { NETWORK_RULES } from "./rules.ts";
import { historyAfter, type WorkHistory } from "./work.ts";

/** What proving a raw record again came to. */
export type BitcoinReproof =
  | { readonly kind: "holds" }
  | { readonly kind: "refused"; readonly proof: BitcoinProof; readonly reason: string };

/** Where a block's bits stand in its value. */
const BITS_AT = 72;
/** How many histories are kept: those of all branches of any reorg. */
const KEPT = 4_096;

/** Proves a raw record's value again by the proofs that it was written with; the retarget where `history` is known. */
export function reproveBitcoin(
  value: Uint8Array,
  expected: BlockHeader,
  proofs: readonly BitcoinProof[],
  chain: { readonly network: BitcoinNetwork; readonly history?: WorkHistory | undefined },
): BitcoinReproof {
  try {
    const about = { expected, network: chain.network, history: chain.history };
    proveValue({ value, spentAt: undefined }, about, new Set(proofs));
    return { kind: "holds" };
  } catch (cause) {
    if (cause instanceof ProofRefused) return { kind: "refused", proof: cause.proof, reason: cause.reason };
    throw cause;
  }
}

/**
 * Proves the records of one chain again, in raw's order: what was read before tells the retarget of what follows.
 * Names that are no proof of Bitcoin's are passed over.
 */
export function bitcoinReprover(
  network: BitcoinNetwork,
): (value: Uint8Array, expected: BlockHeader, proofs: readonly string[]) => BitcoinReproof {
  const rules = NETWORK_RULES[network];
  const after = new Map<string, WorkHistory>();
  return (value, expected, proofs) => {
    const history = after.get(expected.parent);
    const outcome = reproveBitcoin(value, expected, proofs.filter(isBitcoinProof), { network, history });
    if (outcome.kind === "refused") return outcome;
    const { hash, height, time } = expected;
    after.set(hash, historyAfter({ height, time, bits: uint32At(value, BITS_AT) }, history, rules));
    const [oldest] = after.keys();
    if (after.size > KEPT && oldest !== undefined) after.delete(oldest);
    return outcome;
  };
}

function isBitcoinProof(name: string): name is BitcoinProof {
  return BITCOIN_PROOFS.some((proof) => proof === name);
}
