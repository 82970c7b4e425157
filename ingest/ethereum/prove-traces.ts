import { encodeRlp, type RlpItem, uintOf } from "../../stream/ethereum/rlp.ts";
import { isAbsent } from "./fields.ts";
import { hexOf, sameBytes } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { type BlockParts, envelopeItems, envelopeType, stringOf } from "./parts.ts";
import { senderAt } from "./prove-senders.ts";
import { demand, demandAlways, readFor, readToProve } from "./refuse.ts";
import { createdAddress, framesOf, isFailed, rootOf, type TransactionFrames, traceItem } from "./traces.ts";

/** A block whose transactions' senders are known. */
interface SignedBlock {
  readonly parts: BlockParts;
  readonly senders: Uint8Array;
}

/** Where a transaction of each type has its nonce and its recipient; the value follows the recipient. */
const FIELDS_AT = [
  { nonce: 0, to: 3 },
  { nonce: 1, to: 4 },
  { nonce: 1, to: 5 },
  { nonce: 1, to: 5 },
  { nonce: 1, to: 5 },
] as const;

/** The raw record's traces from a node's answer, each one of its own transaction unless `trusted`. Throws `ProofRefused`. */
export function proveTraces(answer: unknown, block: SignedBlock, trusted: boolean): Uint8Array {
  const traces = readFor("traces", () => framesOf(answer));
  const { transactions } = block.parts;
  demandAlways(
    traces.length === transactions.length,
    "traces",
    () => `${traces.length} traces for ${transactions.length} transactions`,
  );
  const named = traces.some((trace) => !isAbsent(trace.txHash));
  const items: RlpItem[] = traces.map((trace, index) => {
    if (!trusted) {
      if (named) proveName(trace, block, index);
      readToProve("traces", () => proveTrace(trace, block, index));
    }
    return readFor("traces", () => traceItem(trace));
  });
  return encodeRlp(items);
}

/** Older nodes name no transactions; one that does names each. */
function proveName(trace: TransactionFrames, block: SignedBlock, index: number): void {
  const hash = hexOf(keccak256(transactionAt(block, index)));
  const named = String(trace.txHash).toLowerCase();
  demand(named === hash, "traces", () => `trace ${index} is of ${named}, not of ${hash}`);
}

function transactionAt(block: SignedBlock, index: number): Uint8Array {
  return block.parts.transactions[index] ?? new Uint8Array(0);
}

function proveTrace(trace: TransactionFrames, block: SignedBlock, index: number): void {
  const status = statusOf(block.parts.receipts[index]);
  demand(
    status === undefined || status === !isFailed(trace.root),
    "traces",
    () => `trace ${index} and its receipt disagree on whether the transaction failed`,
  );
  proveRoot(trace, block, index);
}

/** The root frame is the transaction's own call: sender, recipient or created contract, and value. */
function proveRoot(trace: TransactionFrames, block: SignedBlock, index: number): void {
  const root = rootOf(trace.root);
  const transaction = transactionAt(block, index);
  const sender = senderAt(block.senders, index);
  const items = envelopeItems(transaction);
  const { nonce, to } = FIELDS_AT[envelopeType(transaction)] ?? FIELDS_AT[0];
  const at = (field: number): Uint8Array => stringOf(items[field] ?? new Uint8Array(0));
  const create = at(to).length === 0;
  const recipient = create ? createdAddress(sender, uintOf(at(nonce)), keccak256) : at(to);
  const own =
    sameBytes(root.from, sender) &&
    root.create === create &&
    (sameBytes(root.to, recipient) || (create && root.to.length === 0)) &&
    root.value === uintOf(at(to + 1));
  demand(own, "traces", () => `the root frame of trace ${index} is not its transaction's call`);
}

/** Whether the transaction succeeded; undefined before Byzantium. */
function statusOf(receipt: Uint8Array | undefined): boolean | undefined {
  if (receipt === undefined) return undefined;
  const status = stringOf(envelopeItems(receipt)[0] ?? new Uint8Array(0));
  return status.length === 32 ? undefined : status.length === 1;
}
