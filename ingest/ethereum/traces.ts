import type { Keccak256 } from "../../stream/ethereum/block.ts";
import { encodeRlp, type RlpItem, uintBytes } from "../../stream/ethereum/rlp.ts";
import { arrayOf, bytesOf, FieldInvalid, isAbsent, type JsonObject, objectOf, quantityOf } from "./fields.ts";

/** A transaction's trace as `callTracer` gives it: the root frame, and the transaction's hash where the node names it. */
export interface TransactionFrames {
  readonly txHash: unknown;
  readonly root: JsonObject;
}

/** A root frame in the terms of its transaction. */
export interface RootFrame {
  readonly create: boolean;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly value: bigint;
}

/** The frame types that move their value. */
const MOVING: ReadonlySet<string> = new Set(["CALL", "CREATE", "CREATE2", "SELFDESTRUCT"]);
/** The frame types that move nothing, although some carry a value. */
const STILL: ReadonlySet<string> = new Set(["DELEGATECALL", "CALLCODE", "STATICCALL"]);
/** Calls nest 1,024 deep at most (yellow paper §9.4.2); one more for a self-destruct in the deepest. */
const MAX_DEPTH = 1025;

const FAILED = new Uint8Array([1]);
const NOT_FAILED = new Uint8Array(0);

/** The traces of a block's transactions from `debug_traceBlockByHash`: `{txHash, result}` or, in older nodes, bare frames. Throws `FieldInvalid`. */
export function framesOf(answer: unknown): readonly TransactionFrames[] {
  return arrayOf(answer, "traces").map((one, index) => {
    const entry = objectOf(one, `traces[${index}]`);
    if (entry["result"] === undefined) return { txHash: undefined, root: entry };
    return { txHash: entry["txHash"], root: objectOf(entry["result"], `traces[${index}].result`) };
  });
}

/** Whether the frame itself failed; the frames inside a failed one have no error of their own. */
export function isFailed(frame: JsonObject): boolean {
  return !isAbsent(frame["error"]) && frame["error"] !== "";
}

/** The root frame's own fields. Throws `FieldInvalid`. */
export function rootOf(frame: JsonObject): RootFrame {
  return {
    create: frame["type"] === "CREATE",
    from: bytesOf(frame["from"], "from", 20),
    to: isAbsent(frame["to"]) ? new Uint8Array(0) : bytesOf(frame["to"], "to", 20),
    value: quantityOf(frame["value"], "value"),
  };
}

/** The raw record's entry for a transaction: whether it failed, and the moves inside it in order of execution. Throws `FieldInvalid`. */
export function traceItem(frames: TransactionFrames): RlpItem {
  if (isFailed(frames.root)) return [FAILED, []];
  const moves: RlpItem[] = [];
  collectInner(frames.root, moves, 1);
  return [NOT_FAILED, moves];
}

/** Whether frames of this type move their value. */
export function isMovingFrame(type: string): boolean {
  return MOVING.has(type);
}

/** The address of the contract that a transaction creates (yellow paper §7). */
export function createdAddress(sender: Uint8Array, nonce: bigint, keccak: Keccak256): Uint8Array {
  return keccak(encodeRlp([sender, uintBytes(nonce)])).subarray(12);
}

/** A frame moves its value when it begins, before the frames inside it. */
function collectInner(frame: JsonObject, moves: RlpItem[], depth: number): void {
  if (isAbsent(frame["calls"])) return;
  if (depth > MAX_DEPTH) throw new FieldInvalid("calls", `are nested more than ${MAX_DEPTH} deep`);
  for (const one of arrayOf(frame["calls"], "calls")) {
    const inner = objectOf(one, "calls");
    if (isFailed(inner)) continue;
    collectMove(inner, moves);
    collectInner(inner, moves, depth + 1);
  }
}

function collectMove(frame: JsonObject, moves: RlpItem[]): void {
  const type = frame["type"];
  if (typeof type !== "string" || !(MOVING.has(type) || STILL.has(type))) {
    throw new FieldInvalid("type", `is ${JSON.stringify(type)}, a frame type that is not known here`);
  }
  if (STILL.has(type)) return;
  const value = quantityOf(frame["value"], "value");
  if (value === 0n) return;
  const from = bytesOf(frame["from"], "from", 20);
  const to = bytesOf(frame["to"], "to", 20);
  moves.push([Buffer.from(type, "ascii"), from, to, uintBytes(value)]);
}
