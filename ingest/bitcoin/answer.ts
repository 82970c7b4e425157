import { isObject } from "../rpc.ts";
import { encodeScanned, type RawValue } from "./encode.ts";
import {
  expectEnd,
  isListNext,
  isObjectNext,
  items,
  type JsonCursor,
  JsonMalformed,
  members,
  namesOf,
  readValue,
  skip,
} from "./json-scan.ts";
import type { BitcoinOutcome } from "./prover.ts";
import { ProofRefused } from "./refuse.ts";
import { type ScannedBlock, scanBlock } from "./scan-block.ts";

/** Error codes of Bitcoin Core (`rpc/protocol.h`): of anything that went wrong, of a block that is not known, of a node that starts. */
const MISC_ERROR = -1;
const NOT_FOUND = -5;
const WARMING_UP = -28;
/** JSON-RPC 2.0 §5.1. */
const METHOD_NOT_FOUND = -32601;

/** What an RPC error of one node means for the block that was asked for. */
export function errorOutcome(code: number, message: string): Exclude<BitcoinOutcome, { kind: "proven" }> {
  if (code === WARMING_UP) return { kind: "outage", reason: `it is starting: ${message}` };
  if (code === NOT_FOUND) return { kind: "missing", reason: message };
  if (code === METHOD_NOT_FOUND) return { kind: "lacking", reason: `it refuses getblock: ${message}` };
  if (code === MISC_ERROR && /pruned/i.test(message)) {
    return { kind: "lacking", reason: `${message}; it needs prune=0, or "start" above its pruneheight` };
  }
  // A block that is not downloaded yet, or of a branch that never was.
  if (code === MISC_ERROR && /not fully downloaded|not found on disk/i.test(message))
    return { kind: "missing", reason: message };
  return { kind: "outage", reason: `error ${code}: ${message}` };
}

type Ending = Exclude<BitcoinOutcome, { kind: "proven" }>;

/** What a node says to one call of a batch. */
interface Reply {
  readonly error: unknown;
  /** Undefined where the result is no object. */
  readonly block: ScannedBlock | undefined;
  readonly isNull: boolean;
}

const REPLY = namesOf("error", "result");

/** Reads the answer to a batch whose one call is `getblock <hash> 3`: the raw value, or what ends the task. Throws `ProofRefused`. */
export function readRpc(body: ArrayBuffer): RawValue | Ending {
  const json = Buffer.from(body);
  const reply = replyIn(json);
  if (reply === undefined) return { kind: "outage", reason: "the answer is no JSON-RPC" };
  const { error, block, isNull } = reply;
  if (isObject(error)) return errorOutcome(Number(error["code"]), String(error["message"]));
  if (isNull) return { kind: "missing" };
  if (block === undefined) return { kind: "outage", reason: "the answer is no block" };
  return untold(block) ?? encodeScanned(json, block);
}

/** What it means that inputs tell no prevout; undefined where each one does. Core tells all of them or none. Throws `ProofRefused`. */
function untold({ transactions, confirmations }: ScannedBlock): Ending | undefined {
  const index = transactions.findIndex(({ untoldAt }) => untoldAt !== undefined);
  if (index === -1) return undefined;
  if (transactions.some(({ spent }) => spent.length > 0)) {
    const input = transactions[index]?.untoldAt;
    throw new ProofRefused("spent", `input ${input} of transaction ${index} tells no prevout`);
  }
  // Off its chain: a block that it never connected, so that it does not know what is spent.
  if (confirmations < 0) return { kind: "missing" };
  return {
    kind: "lacking",
    reason: "getblock 3 leaves out prevouts; it needs Bitcoin Core 23 or later, not pruned",
  };
}

/** The first reply, alone or in brackets; undefined where the bytes are none. */
function replyIn(json: Buffer): Reply | undefined {
  const cursor = { bytes: json, at: 0 };
  try {
    if (!isListNext(cursor)) return scanReply(cursor);
    let first: Reply | undefined;
    items(cursor, (index) => {
      if (index === 0) first = scanReply(cursor);
      else skip(cursor);
    });
    expectEnd(cursor);
    return first;
  } catch (cause) {
    if (cause instanceof JsonMalformed) return undefined;
    throw cause;
  }
}

function scanReply(cursor: JsonCursor): Reply | undefined {
  let error: unknown;
  let block: ScannedBlock | undefined;
  let isNull = false;
  members(cursor, REPLY, (name) => {
    if (name === "error") error = readValue(cursor);
    else if (isObjectNext(cursor)) block = scanBlock(cursor);
    else isNull = readValue(cursor) === null;
  });
  return { error, block, isNull };
}
