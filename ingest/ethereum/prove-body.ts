import { refusedBy } from "../refuse.ts";
import { type Batch, type Reply, readBatch } from "./answer.ts";
import { unknownHeaderFields } from "./encode-header.ts";
import { arrayOf, bytesOf, type JsonObject, objectOf } from "./fields.ts";
import { jsonHeader, jsonParts } from "./json-block.ts";
import { proveClaims } from "./json-claims.ts";
import { type BlockParts, type HeaderFields, readBlock, withEmptyWithdrawals } from "./parts.ts";
import { type ProofSet, proveBodies, proveHeader } from "./prove-parts.ts";
import { type Claimed, claimedSenders, proveSenders } from "./prove-senders.ts";
import { proveTraces } from "./prove-traces.ts";
import { ETHEREUM_PROOFS, type EthereumProof, type ProveOutcome, type ProveTask } from "./prover.ts";
import { demand, ProofRefused, readFor, readToProve } from "./refuse.ts";
import { allowsHighS } from "./senders.ts";
import { encodeValue } from "./value.ts";

/** A block whose header, bodies and claims are proven; its senders and traces are next. */
interface ProvenBodies {
  readonly header: HeaderFields;
  readonly parts: BlockParts;
  readonly claimed: Claimed;
}

/** The most ommers that a block may have (yellow paper §11.1). */
const MAX_OMMERS = 2;

/** Reads a node's answer for one block and proves it; both forms of the same block make the same value. Never throws. */
export function proveBody(task: ProveTask): ProveOutcome {
  try {
    const batch = readBatch(task);
    return "kind" in batch ? batch : proveBatch(batch, task);
  } catch (cause) {
    if (cause instanceof ProofRefused) return refusedBy(cause);
    return { kind: "outage", reason: `the answer can't be read: ${String(cause)}` };
  }
}

function proveBatch(batch: Batch, task: ProveTask): ProveOutcome {
  const proofs = ETHEREUM_PROOFS.filter(
    (proof) => !task.waive.includes(proof) && (proof !== "traces" || task.traces),
  );
  const demanded: ProofSet = new Set(proofs);
  const bodies = task.form === "json" ? jsonBodies(batch, task, demanded) : rawBodies(batch, task, demanded);
  if ("kind" in bodies) return bodies;
  const { header, parts } = bodies;
  const senders = sendersOf(bodies, task, demanded);
  const traces = task.traces ? tracesOf(batch, { parts, senders }, demanded) : undefined;
  return {
    kind: "proven",
    header: task.expected,
    value: encodeValue({ parts, senders, traces }),
    proofs,
    hasBlobGas: header.blobGasUsed > 0n,
  };
}

function jsonBodies(batch: Batch, task: ProveTask, proofs: ProofSet): ProvenBodies | ProveOutcome {
  const block = readFor("header", () => objectOf(resultOf(batch.block, "header"), "the block"));
  const bytes = jsonHeader(block);
  const header = proveHeader(bytes, task.expected, proofs, unknownHeaderFields(block));
  const wanted = proofs.has("ommers") ? ommersWanted(block, batch) : 0;
  if (wanted > 0) return { kind: "ommers", count: wanted };
  const receipts = resultOf(batch.receipts, "receipts");
  const source = {
    block,
    receipts,
    ommers: batch.ommers,
    size: task.body.byteLength,
  };
  const parts = jsonParts(source, bytes, proofs);
  proveBodies(parts, header, proofs);
  const transactions = block["transactions"] as readonly JsonObject[];
  proveClaims({ block, transactions, receipts: receipts as JsonObject[] }, parts, task.expected, proofs);
  const claimed = (index: number): Uint8Array =>
    readFor(proofs.has("senders") ? "senders" : "transactions", () =>
      bytesOf(transactions[index]?.["from"], `transactions[${index}].from`, 20),
    );
  return { header, parts, claimed };
}

/** How many ommers' headers the block names while the batch brings none. */
function ommersWanted(block: JsonObject, batch: Batch): number {
  const named = readToProve("ommers", () => arrayOf(block["uncles"], "uncles")).length;
  demand(named <= MAX_OMMERS, "ommers", () => `they are ${named}, more than ${MAX_OMMERS}`);
  return batch.ommers.length === 0 ? named : 0;
}

function rawBodies(batch: Batch, task: ProveTask, proofs: ProofSet): ProvenBodies {
  const bytes = readFor("header", () => rawBytesOf(resultOf(batch.block, "header"), "the block", batch));
  const block = readFor("header", () => readBlock(bytes));
  const header = proveHeader(block.header, task.expected, proofs);
  const answer = resultOf(batch.receipts, "receipts");
  const receipts = readFor("receipts", () =>
    arrayOf(answer, "receipts").map((one, index) => rawBytesOf(one, `receipts[${index}]`, batch)),
  );
  const lacks = header.withdrawalsRoot !== undefined && block.withdrawals === undefined;
  const whole = lacks && !proofs.has("withdrawals") ? withEmptyWithdrawals(block) : block;
  const parts = { ...whole, receipts };
  proveBodies(parts, header, proofs);
  return { header, parts, claimed: () => undefined };
}

/** A byte string of a raw answer. Throws `FieldInvalid`. */
function rawBytesOf(value: unknown, name: string, { lifted }: Batch): Uint8Array {
  const bytes =
    typeof value === "string" && value.startsWith("0x") ? lifted?.[Number(value.slice(2))] : undefined;
  return bytes ?? bytesOf(value, name);
}

/** With the proof waived the node's word is taken; raw bytes have none, so there the signatures speak all the same. */
function sendersOf(bodies: ProvenBodies, task: ProveTask, proofs: ProofSet): Uint8Array {
  const { transactions } = bodies.parts;
  if (!proofs.has("senders") && task.form === "json") {
    return claimedSenders(transactions.length, bodies.claimed);
  }
  const chainId = BigInt(task.chainId);
  return proveSenders(
    transactions,
    { chainId, highS: allowsHighS(chainId, bodies.header.height) },
    bodies.claimed,
  );
}

function tracesOf(
  batch: Batch,
  block: { readonly parts: BlockParts; readonly senders: Uint8Array },
  proofs: ProofSet,
): Uint8Array {
  const untraceable = batch.traces.kind === "error" && block.parts.transactions.length === 0;
  const answer = untraceable ? [] : resultOf(batch.traces, "traces");
  return proveTraces(answer, block, !proofs.has("traces"));
}

/** A reply's result; none, or null, for a block that the node served is a refusal. */
function resultOf(reply: Reply, proof: EthereumProof): unknown {
  if (reply.kind === "result" && reply.value !== null) return reply.value;
  throw new ProofRefused(proof, reply.kind === "result" ? "the answer is null" : "there is no answer");
}
