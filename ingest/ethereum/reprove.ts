import type { BlockHeader } from "../../stream/block.ts";
import { decodeRlp, type RlpItem, uintOf } from "../../stream/ethereum/rlp.ts";
import { proveBodies, proveHeader } from "./prove-parts.ts";
import { ADDRESS_BYTES, proveSenders, senderAt } from "./prove-senders.ts";
import type { EthereumProof } from "./prover.ts";
import { demand, ProofRefused, readFor } from "./refuse.ts";
import { allowsHighS } from "./senders.ts";
import { isMovingFrame } from "./traces.ts";
import { decodeValue, type RawValue } from "./value.ts";

/** What proving a raw record again came to. */
export type Reproved =
  | { readonly kind: "holds" }
  | { readonly kind: "refused"; readonly proof: EthereumProof; readonly reason: string };

/**
 * Proves a raw record's value again by the proofs that it was written with.
 * Traces rest on nothing in the block: of them only the form is looked at.
 */
export function reprove(
  value: Uint8Array,
  expected: BlockHeader,
  proofs: readonly EthereumProof[],
  chainId?: number,
): Reproved {
  try {
    const raw = readFor("header", () => decodeValue(value));
    const demanded = new Set(proofs);
    const header = proveHeader(raw.parts.header, expected, demanded);
    proveBodies(raw.parts, header, demanded);
    if (demanded.has("senders")) resign(raw, { height: header.height, chainId });
    if (demanded.has("traces")) proveForm(raw);
    return { kind: "holds" };
  } catch (cause) {
    if (cause instanceof ProofRefused) return { kind: "refused", proof: cause.proof, reason: cause.reason };
    throw cause;
  }
}

function resign(
  raw: RawValue,
  chain: { readonly height: bigint; readonly chainId: number | undefined },
): void {
  const { transactions } = raw.parts;
  demand(
    raw.senders.length === transactions.length * ADDRESS_BYTES,
    "senders",
    () => `${raw.senders.length} bytes for ${transactions.length} transactions`,
  );
  const chainId = chain.chainId === undefined ? undefined : BigInt(chain.chainId);
  const rules = { chainId, highS: allowsHighS(chainId, chain.height) };
  proveSenders(transactions, rules, (index) => senderAt(raw.senders, index));
}

function proveForm(raw: RawValue): void {
  const { traces } = raw;
  demand(traces !== undefined, "traces", () => "the record has none");
  const count = raw.parts.transactions.length;
  const holds = readFor("traces", () => {
    const items = decodeRlp(traces ?? new Uint8Array(0));
    return isList(items) && items.length === count && items.every(isTrace);
  });
  demand(holds, "traces", () => `they are not ${count} lists of moves`);
}

function isTrace(item: RlpItem): boolean {
  if (!isList(item) || item.length !== 2) return false;
  const [failed, moves] = item;
  if (failed === undefined || isList(failed) || moves === undefined || !isList(moves)) return false;
  const inOrder = failed.length === 0 || (failed.length === 1 && failed[0] === 1 && moves.length === 0);
  return inOrder && moves.every(isMove);
}

function isMove(item: RlpItem): boolean {
  if (!isList(item) || item.length !== 4) return false;
  const [type, from, to, value] = item;
  if (type === undefined || from === undefined || to === undefined || value === undefined) return false;
  if (isList(type) || isList(from) || isList(to) || isList(value)) return false;
  const addresses = from.length === ADDRESS_BYTES && to.length === ADDRESS_BYTES;
  return addresses && isMovingFrame(Buffer.from(type).toString("latin1")) && uintOf(value) > 0n;
}

function isList(item: RlpItem): item is readonly RlpItem[] {
  return !(item instanceof Uint8Array);
}
