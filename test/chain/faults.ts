import type { ServerResponse } from "node:http";

/** What goes wrong on the wire: no answer, or one that is none, or a batch that is not the batch asked for. */
export const FAULTS = [
  "truncated",
  "invalid json",
  "html",
  "429",
  "500",
  "503",
  "401",
  "403",
  "hang",
  "reset",
  "huge",
  "empty",
  "out of order",
  "short",
  "doubled",
  "refused",
  "rpc error",
] as const;
export type Fault = (typeof FAULTS)[number];

/** Bytes in the pieces that they were made in: blocks are large, and copies cost. */
export type Pieces = readonly Buffer[];

/** An answer as it would go out: the replies of a batch, each a JSON object; a call alone is a batch of one, printed without brackets. */
export interface Outgoing {
  readonly ids: readonly unknown[];
  readonly replies: readonly Pieces[];
  readonly isBatch: boolean;
}

/** The bytes of an honest answer. */
export function bodyOf({ replies, isBatch }: Pick<Outgoing, "replies" | "isBatch">): Pieces {
  if (!isBatch) return replies.flat();
  const separated = replies.flatMap((reply, index) => (index === 0 ? reply : [COMMA, ...reply]));
  return [Buffer.from("["), ...separated, Buffer.from("]")];
}

const COMMA = Buffer.from(",");
/** More than any client should take in; sent slowly enough for one that hangs up. */
const HUGE_BYTES = 256 * 1024 * 1024;

/** Answers as the fault has it. */
export async function misbehave(fault: Fault, honest: Outgoing, response: ServerResponse): Promise<void> {
  switch (fault) {
    case "truncated":
      return sendTruncated(response, Buffer.concat(bodyOf(honest)));
    case "invalid json":
      return send(response, 200, Buffer.from(`${Buffer.concat(bodyOf(honest)).toString().slice(0, -2)}},,]`));
    case "html":
      return send(response, 200, Buffer.from("<!doctype html><title>Just a moment…</title>"), {
        "content-type": "text/html",
      });
    case "429":
      return send(response, 429, Buffer.from("too many requests"), {
        "content-type": "text/plain",
        "retry-after": "1",
      });
    case "500":
    case "503":
    case "401":
    case "403":
      return send(response, Number(fault), Buffer.from("no"), { "content-type": "text/plain" });
    case "hang":
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "huge":
      return sendHuge(response);
    case "empty":
      return send(response, 200, Buffer.alloc(0));
    default:
      return send(response, 200, Buffer.concat(bodyOf(misbatched(fault, honest))));
  }
}

function misbatched(fault: Fault, honest: Outgoing): Outgoing {
  const { ids, replies, isBatch } = honest;
  switch (fault) {
    case "out of order":
      return { ids, isBatch, replies: replies.toReversed() };
    case "short":
      return { ids, isBatch, replies: isBatch ? replies.slice(0, -1) : replies };
    case "doubled":
      return {
        ids,
        isBatch,
        replies: isBatch ? replies.flatMap((one, index) => (index === 0 ? [one, one] : [one])) : replies,
      };
    case "refused":
      return { ids, isBatch: false, replies: [[rpcError(null, -32600, "batch too large")]] };
    case "rpc error":
      return { ids, isBatch, replies: ids.map((id) => [rpcError(id, -32000, "internal error")]) };
    default:
      return honest;
  }
}

/** A JSON-RPC error object. */
export function rpcError(id: unknown, code: number, message: string): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } }));
}

/** Sends a whole answer. */
export function send(
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Readonly<Record<string, string>> = { "content-type": "application/json" },
): void {
  response.writeHead(status, { ...headers, "content-length": body.length }).end(body);
}

/** Half of an answer that was announced whole, then the end of the connection. */
function sendTruncated(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.write(body.subarray(0, body.length >> 1), () => response.socket?.destroy());
}

async function sendHuge(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('[{"jsonrpc":"2.0","id":0,"result":"0x');
  const zeros = Buffer.alloc(1 << 20, "0");
  for (let sent = 0; sent < HUGE_BYTES && !response.destroyed; sent += zeros.length) {
    if (!response.write(zeros)) await drained(response);
  }
  response.end('"}]');
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
}
