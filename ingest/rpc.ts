import type { Answer, Fault } from "./answer.ts";

/** One call of a JSON-RPC batch; its place in the batch is its id. */
export interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What a node says to one call. */
export type Reply =
  | { readonly kind: "result"; readonly value: unknown }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** How much of a node's error text is kept. */
const MESSAGE_LENGTH = 200;
/** The codes of too many questions (EIP-1474's limit exceeded, and HTTP's own in its place): smaller batches would be more of them. */
const TOO_MANY = [-32005, 429];

/** The text of one call, with its id. */
export function callText(call: Call, id: number): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method: call.method, params: call.params });
}

/**
 * The replies to a batch of `count` calls, in the calls' order, whatever order the node answered in;
 * anything else is an outage, which JSON that is no such batch makes a declined one.
 */
export function readReplies(body: ArrayBuffer, count: number): Answer<readonly Reply[]> {
  const json = parse(body);
  if (json === undefined) return { kind: "outage", reason: "the answer is no JSON" };
  if (!Array.isArray(json)) return refused(replyOf(json));
  const replies: Reply[] = [];
  for (const entry of json) {
    const { id, reply, text } = replyOf(entry);
    if (id === undefined || id >= count || reply === undefined) {
      return declined(`the batch has a strange answer: ${text}`);
    }
    if (replies[id] !== undefined) return declined(`the batch answers call ${id} twice`);
    replies[id] = reply;
  }
  const missing = Array.from({ length: count }, (_, id) => id).find((id) => replies[id] === undefined);
  if (missing === undefined) return { kind: "answer", value: replies };
  const [only] = replies;
  const why = only?.kind === "error" ? ` (${only.message})` : "";
  return declined(`the batch lacks the answer to call ${missing}${why}`);
}

function refused({ reply, text }: Entry): Fault {
  const reason = `the batch was refused: ${text}`;
  const isTooMany = reply?.kind === "error" && TOO_MANY.includes(reply.code);
  return isTooMany ? { kind: "outage", reason } : declined(reason);
}

function declined(reason: string): Fault {
  return { kind: "outage", reason, declined: true };
}

function parse(body: ArrayBuffer): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** One entry of a batch's answer. */
interface Entry {
  readonly id: number | undefined;
  readonly reply: Reply | undefined;
  readonly text: string;
}

function replyOf(entry: unknown): Entry {
  if (!isObject(entry)) return { id: undefined, reply: undefined, text: typeof entry };
  const id =
    typeof entry["id"] === "number" && Number.isInteger(entry["id"]) && entry["id"] >= 0
      ? entry["id"]
      : undefined;
  const error = entry["error"];
  if (isObject(error)) {
    const message = String(error["message"]).slice(0, MESSAGE_LENGTH);
    return { id, reply: { kind: "error", code: Number(error["code"]), message }, text: message };
  }
  const reply: Reply | undefined = "result" in entry ? { kind: "result", value: entry["result"] } : undefined;
  return { id, reply, text: "neither result nor error" };
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
