import type { RawBlock } from "../../stream/bitcoin/block.ts";
import { parseBlock, parseSpent } from "../../stream/bitcoin/parse.ts";
import { refusedBy } from "../refuse.ts";
import { readRpc } from "./answer.ts";
import type { RawValue } from "./encode.ts";
import { proveBody, txidsOf } from "./prove-body.ts";
import { type ProofSet, proveHeader } from "./prove-header.ts";
import { proveMoney } from "./prove-money.ts";
import { proveOwnSpends } from "./prove-own.ts";
import { BITCOIN_PROOFS, type BitcoinOutcome, type BitcoinTask } from "./prover.ts";
import { demandAlways, ProofRefused, readFor } from "./refuse.ts";
import { NETWORK_RULES } from "./rules.ts";

/** No block takes more bytes, witnesses and all (Bitcoin Core, `consensus/consensus.h`: `MAX_BLOCK_SERIALIZED_SIZE`). */
const MAX_BLOCK_BYTES = 4_000_000;

/** Reads a node's answer for one block and proves it; both forms of the same block make the same value. Never throws. */
export function proveAnswer(task: BitcoinTask): BitcoinOutcome {
  try {
    const { answer } = task;
    const raw = answer.form === "rest" ? joined(answer.block, answer.spent) : readRpc(answer.body);
    if ("kind" in raw) return raw;
    const proofs = BITCOIN_PROOFS.filter((proof) => !task.waive.includes(proof));
    proveValue(raw, task, new Set(proofs));
    return { kind: "proven", value: raw.value, proofs };
  } catch (cause) {
    if (cause instanceof ProofRefused) return refusedBy(cause);
    return { kind: "outage", reason: `the answer can't be read: ${String(cause)}` };
  }
}

/**
 * Proves a raw value; `spentAt` is where its spent outputs begin, undefined: where the block ends. The header first: a block
 * that was not asked for is not read any further. Throws `ProofRefused`.
 */
export function proveValue(
  { value, spentAt }: { readonly value: Uint8Array; readonly spentAt: number | undefined },
  about: Pick<BitcoinTask, "expected" | "network" | "history">,
  proofs: ProofSet,
): void {
  const rules = NETWORK_RULES[about.network];
  const { height } = about.expected;
  proveHeader(value, about.expected, { rules, history: about.history }, proofs);
  const { block, spent } = readValue(value, spentAt);
  const txids = txidsOf(block);
  proveBody({ block, txids }, height, rules, proofs);
  const raw = { block, spent: spent() };
  if (proofs.has("spent")) proveOwnSpends(raw, value, txids);
  proveMoney(raw, height, rules, proofs);
}

/** Reads the block; its spent outputs only once they are wanted. What follows a block's last transaction was never committed to. */
function readValue(
  value: Uint8Array,
  spentAt: number | undefined,
): { readonly block: RawBlock["block"]; readonly spent: () => RawBlock["spent"] } {
  demandAlways(
    (spentAt ?? 0) <= MAX_BLOCK_BYTES,
    "merkle",
    () => `${spentAt} bytes are more than a block may have`,
  );
  const block = readFor("merkle", () => parseBlock(value.subarray(0, spentAt)));
  if (spentAt !== undefined && block.end !== spentAt) {
    throw new ProofRefused("merkle", `${spentAt - block.end} bytes follow its last transaction`);
  }
  return {
    block,
    spent: () => {
      const { spent, end } = readFor("spent", () => parseSpent(value, block));
      if (end === value.length) return spent;
      throw new ProofRefused("spent", `${value.length - end} bytes follow the last spent output`);
    },
  };
}

function joined(block: ArrayBuffer, spent: ArrayBuffer): RawValue {
  const value = new Uint8Array(block.byteLength + spent.byteLength);
  value.set(new Uint8Array(block));
  value.set(new Uint8Array(spent), block.byteLength);
  return { value, spentAt: block.byteLength };
}
