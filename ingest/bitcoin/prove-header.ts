import { displayHash } from "../../stream/bitcoin/bytes.ts";
import { HEADER_BYTES } from "../../stream/bitcoin/parse.ts";
import type { BlockHeader } from "../../stream/block.ts";
import { uint32At } from "../../stream/bytes.ts";
import { sha256d } from "./hashes.ts";
import type { BitcoinProof } from "./prover.ts";
import { demand, demandAlways, ProofRefused } from "./refuse.ts";
import type { NetworkRules } from "./rules.ts";
import { bitsText, targetOf } from "./target.ts";
import { bitsRequired, isTimewarp, isTooOld, type WorkHistory } from "./work.ts";

/** Which proofs must hold. */
export type ProofSet = ReadonlySet<BitcoinProof>;

/** What the rules of a chain say of a block's work: the network's own, and what is known of its ancestors. */
export interface WorkRules {
  readonly rules: NetworkRules;
  readonly history: WorkHistory | undefined;
}

/** Proves that `bytes` begin with the header that was asked for, and that it carries its work. Throws `ProofRefused`. */
export function proveHeader(
  bytes: Uint8Array,
  expected: BlockHeader,
  work: WorkRules,
  proofs: ProofSet,
): void {
  demandAlways(bytes.length >= HEADER_BYTES, "header", () => `${bytes.length} bytes are no header`);
  const digest = sha256d(bytes.subarray(0, HEADER_BYTES));
  if (proofs.has("header")) provePlace(bytes, displayHash(digest), expected, work.rules);
  if (proofs.has("work")) proveWork(bytes, displayHash(digest), expected, work);
}

function provePlace(bytes: Uint8Array, hash: string, expected: BlockHeader, rules: NetworkRules): void {
  demand(hash === expected.hash, "header", () => `its hash is ${hash}, not ${expected.hash}`);
  const parent = displayHash(bytes.subarray(4, 36));
  demand(parent === expected.parent, "header", () => `its parent is ${parent}, not ${expected.parent}`);
  const time = uint32At(bytes, 68);
  demand(time === expected.time, "header", () => `its time is ${time}, not ${expected.time}`);
  if (expected.height > 1) return;
  const genesis = expected.height === 0 ? hash : parent;
  demand(
    genesis === rules.genesis,
    "header",
    () => `its chain's genesis is ${genesis}, not ${rules.genesis}`,
  );
}

function proveWork(
  bytes: Uint8Array,
  hash: string,
  { height, time }: BlockHeader,
  { rules, history }: WorkRules,
): void {
  const bits = uint32At(bytes, 72);
  const target = targetOf(bits);
  if (target === undefined) throw new ProofRefused("work", `nBits ${bitsText(bits)} is no target`, true);
  demand(target <= rules.limit, "work", () => `nBits ${bitsText(bits)} is above the network's limit`);
  demand(BigInt(`0x${hash}`) <= target, "work", () => `its hash does not meet nBits ${bitsText(bits)}`);
  if (history === undefined) return;
  const required = bitsRequired({ height, time }, history, rules);
  demand(
    required === undefined || required === bits,
    "work",
    () => `nBits is ${bitsText(bits)}, and must be ${bitsText(required ?? 0)} after its ancestors`,
  );
  demand(
    !isTimewarp({ height, time }, history, rules),
    "work",
    () => `its time is too far before its parent's ${history.parent.time}`,
  );
  demand(
    !isTooOld({ height, time }, history),
    "work",
    () => `its time ${time} does not exceed the median of the eleven blocks before it`,
  );
}
