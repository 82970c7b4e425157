import { isAscii } from "node:buffer";
import { isObject, type JsonObject } from "./fields.ts";
import { liftHex } from "./lift-hex.ts";
import type { ProveOutcome, ProveTask } from "./prover.ts";
import { isFailed } from "./traces.ts";

/** One call's answer in a batch. */
export type Reply =
  | { readonly kind: "result"; readonly value: unknown }
  | { readonly kind: "error"; readonly code: unknown; readonly message: string }
  | { readonly kind: "absent" };

type RpcError = Extract<Reply, { kind: "error" }>;

/** The answers to a task's calls; `ommers` are those of ids 3 and 4, as many as there are. */
export interface Batch {
  readonly block: Reply;
  readonly receipts: Reply;
  readonly traces: Reply;
  readonly ommers: readonly unknown[];
  /** Where the answer's byte strings were taken out: `0x<n>` in a reply stands for `lifted[n]`. They last until the next answer. */
  readonly lifted: readonly Uint8Array[] | undefined;
}

/** What ends a task before anything is proven. */
export type Fault = Extract<ProveOutcome, { kind: "outage" | "unsupported" | "missing" }>;

const CALLS = 5;
/** JSON-RPC 2.0 §5.1. */
const METHOD_NOT_FOUND = -32601;
const NO_METHOD = /\bmethod\b.*(not (found|available|supported|allowed|enabled)|does not exist|unsupported)/i;
const BLOCK_METHOD = { json: "eth_getBlockByHash", raw: "debug_getRawBlock" } as const;
const RECEIPTS_METHOD = { json: "eth_getBlockReceipts", raw: "debug_getRawReceipts" } as const;
const TRACES_METHOD = "debug_traceBlockByHash";
/** How a node says that it no longer has the state that a trace begins from (geth without archive: 128 blocks below its head). */
const NO_STATE = /historical state|missing trie node/i;
const OMMER_METHOD = "eth_getUncleByBlockHashAndIndex";

/** Reads the body of a batch's answer: its replies by id, in whatever order they came. */
export function readBatch(task: ProveTask): Batch | Fault {
  const parsed = parse(task);
  if (parsed === undefined) return { kind: "outage", reason: "the answer is not JSON" };
  const { value, lifted } = parsed;
  if (!Array.isArray(value)) return { kind: "outage", reason: refusedReason(value) };
  const replies = new Map<number, Reply>();
  for (const entry of value) {
    const id = isObject(entry) ? entry["id"] : undefined;
    if (id === null && isObject(entry["error"]))
      return errorFault(errorOf(entry["error"]), BLOCK_METHOD[task.form]);
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= CALLS) {
      return { kind: "outage", reason: "the answer has an entry without an id of ours" };
    }
    if (replies.has(id)) return { kind: "outage", reason: `the answer has two entries for id ${id}` };
    replies.set(id, replyOf(entry));
  }
  return faultOf(replies, task) ?? batchOf(replies, lifted);
}

function batchOf(replies: ReadonlyMap<number, Reply>, lifted: Batch["lifted"]): Batch {
  const at = (id: number): Reply => replies.get(id) ?? { kind: "absent" };
  const ommers = [at(3), at(4)].flatMap((reply) => (reply.kind === "result" ? [reply.value] : []));
  return { block: at(0), receipts: at(1), traces: at(2), ommers, lifted };
}

/** Errors are outages; only the block's own tell that the node does not have it. */
function faultOf(replies: ReadonlyMap<number, Reply>, task: ProveTask): Fault | undefined {
  const block = replies.get(0);
  if (block === undefined) return { kind: "outage", reason: "the answer lacks the block's entry" };
  const methods = [
    BLOCK_METHOD[task.form],
    RECEIPTS_METHOD[task.form],
    TRACES_METHOD,
    OMMER_METHOD,
    OMMER_METHOD,
  ];
  if (isUnknownBlock(block, task.form)) return { kind: "missing" };
  for (const [id, method] of methods.entries()) {
    const reply = replies.get(id);
    if (reply?.kind === "error" && !isUntraceableGenesis(reply, id, task)) return errorFault(reply, method);
  }
  return traceFault(replies.get(2));
}

/** A node may say of one trace that it came to an error (a timeout, say): that tells nothing of the block, as one of the whole call. */
function traceFault(traces: Reply | undefined): Fault | undefined {
  if (traces?.kind !== "result" || !Array.isArray(traces.value)) return undefined;
  for (const [index, trace] of traces.value.entries()) {
    // A bare frame's own error is the transaction's.
    if (!isObject(trace) || !isFailed(trace) || isObject(trace["result"]) || trace["type"] !== undefined)
      continue;
    const { error } = trace;
    const message = (isObject(error) ? errorOf(error).message : String(error)).slice(0, 200);
    return { kind: "outage", reason: `trace ${index}: ${message}${remedyOf(message, TRACES_METHOD)}` };
  }
  return undefined;
}

/** Unknown blocks are null; raw ones "0x" by number and an error by hash (geth). */
function isUnknownBlock(reply: Reply, form: ProveTask["form"]): boolean {
  if (reply.kind === "result") return reply.value === null || (form === "raw" && reply.value === "0x");
  return form === "raw" && reply.kind === "error" && isNotFound(reply);
}

function isNotFound(reply: RpcError): boolean {
  return !isNoMethod(reply) && /not found|unknown block/i.test(reply.message);
}

/** Genesis has no transactions to trace, and geth says so by an error. */
function isUntraceableGenesis(reply: Reply, id: number, task: ProveTask): boolean {
  return id === 2 && task.expected.height === 0 && reply.kind === "error" && /genesis/i.test(reply.message);
}

/** One object is a batch refused as a whole, for whatever reason: only call by call the node says what it lacks. */
function refusedReason(value: unknown): string {
  const error = isObject(value) ? value["error"] : undefined;
  return isObject(error) ? reasonOf(errorOf(error)) : "the answer is neither a batch nor an error";
}

function errorFault(reply: RpcError, method: string): Fault {
  const reason = reasonOf(reply);
  if (!isNoMethod(reply)) return { kind: "outage", reason: `${reason}${remedyOf(reply.message, method)}` };
  return { kind: "unsupported", method: /\b(eth|debug)_\w+/.exec(reply.message)?.[0] ?? method, reason };
}

function remedyOf(message: string, method: string): string {
  if (method !== TRACES_METHOD || !NO_STATE.test(message)) return "";
  return '; "traces": true needs an archive node for blocks this old';
}

function isNoMethod(reply: RpcError): boolean {
  return reply.code === METHOD_NOT_FOUND || NO_METHOD.test(reply.message);
}

function replyOf(entry: JsonObject): Reply {
  const error = entry["error"];
  if (isObject(error)) return errorOf(error);
  return entry["result"] === undefined ? { kind: "absent" } : { kind: "result", value: entry["result"] };
}

function errorOf(error: JsonObject): RpcError {
  return { kind: "error", code: error["code"], message: String(error["message"] ?? "without a message") };
}

function reasonOf({ code, message }: RpcError): string {
  return `error ${String(code)}: ${message.slice(0, 200)}`;
}

interface Parsed {
  readonly value: unknown;
  readonly lifted: Batch["lifted"];
}

function parse({ body, form, traces }: ProveTask): Parsed | undefined {
  // Raw answers are little else than byte strings; traces are objects.
  const lifted = form === "raw" && !traces ? liftHex(body) : undefined;
  try {
    const text = lifted?.text ?? Buffer.from(body).toString(isAscii(body) ? "latin1" : "utf8");
    return { value: JSON.parse(text), lifted: lifted?.bytes };
  } catch {
    return undefined;
  }
}
