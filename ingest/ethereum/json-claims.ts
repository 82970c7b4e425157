import type { BlockHeader } from "../../stream/block.ts";
import { isAbsent, isObject, type JsonObject } from "./fields.ts";
import { hexOf } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import type { BlockParts } from "./parts.ts";
import type { ProofSet } from "./prove-parts.ts";
import type { EthereumProof } from "./prover.ts";
import { demand } from "./refuse.ts";

/** A block's answers in JSON, as far as they repeat what its consensus bytes say. */
export interface JsonAnswer {
  readonly block: JsonObject;
  readonly transactions: readonly JsonObject[];
  readonly receipts: readonly JsonObject[];
}

/** Where in the block an object says that it stands. */
interface Place {
  readonly expected: BlockHeader;
  readonly txHash: string;
  readonly txIndex: number;
}

/**
 * What a node says beside the consensus data must agree with it where it is there: hashes, heights, indexes.
 * None of it is copied; a node that gets it wrong shows that it mixed blocks up. Throws `ProofRefused`.
 */
export function proveClaims(
  answer: JsonAnswer,
  parts: BlockParts,
  expected: BlockHeader,
  proofs: ProofSet,
): void {
  if (proofs.has("header")) agree("header", "hash", answer.block["hash"], expected.hash);
  let logIndex = 0;
  for (const [txIndex, bytes] of parts.transactions.entries()) {
    const place = { expected, txHash: hexOf(keccak256(bytes)), txIndex };
    const transaction = answer.transactions[txIndex] ?? {};
    if (proofs.has("transactions")) {
      agree("transactions", `transactions[${txIndex}].hash`, transaction["hash"], place.txHash);
      proveStanding(transaction, { ...place, txHash: undefined }, "transactions", `transactions[${txIndex}]`);
    }
    const receipt = answer.receipts[txIndex] ?? {};
    if (proofs.has("receipts")) proveStanding(receipt, place, "receipts", `receipts[${txIndex}]`);
    if (proofs.has("logs")) logIndex = proveLogs(receipt["logs"], place, logIndex);
  }
}

/** The next log's index in the block: those that the node gives have no gap. */
function proveLogs(logs: unknown, place: Place, first: number): number {
  if (!Array.isArray(logs)) return first;
  for (const [at, log] of logs.entries()) {
    if (!isObject(log)) continue;
    const name = `receipts[${place.txIndex}].logs[${at}]`;
    // Without its index a log proves nothing about a gap.
    demand(!isAbsent(log["logIndex"]), "logs", () => `${name}.logIndex is missing`);
    agree("logs", `${name}.logIndex`, log["logIndex"], quantityText(first + at));
    demand(log["removed"] !== true, "logs", () => `${name} is removed`);
    proveStanding(log, place, "logs", name);
  }
  return first + logs.length;
}

function proveStanding(
  source: JsonObject,
  place: Omit<Place, "txHash"> & { readonly txHash: string | undefined },
  proof: EthereumProof,
  name: string,
): void {
  agree(proof, `${name}.blockHash`, source["blockHash"], place.expected.hash);
  agree(proof, `${name}.blockNumber`, source["blockNumber"], quantityText(place.expected.height));
  agree(proof, `${name}.transactionIndex`, source["transactionIndex"], quantityText(place.txIndex));
  if (place.txHash !== undefined)
    agree(proof, `${name}.transactionHash`, source["transactionHash"], place.txHash);
}

function agree(proof: EthereumProof, name: string, given: unknown, ours: string): void {
  const agrees =
    given === ours || isAbsent(given) || (typeof given === "string" && given.toLowerCase() === ours);
  demand(agrees, proof, () => `${name} is ${String(JSON.stringify(given)).slice(0, 90)}, not ${ours}`);
}

function quantityText(value: number): string {
  return `0x${value.toString(16)}`;
}
