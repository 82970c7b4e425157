import { type Dispatcher, errors, Pool } from "undici";
import { follow } from "./abort.ts";
import {
  type Answer,
  type AnswerBound,
  authorization,
  CONNECT_TIMEOUT_MS,
  type Endpoint,
  type Fault,
  nodeName,
} from "./answer.ts";

/** Connections to one node: as many questions are under way at once. */
const CONNECTIONS = 24;
/** How much of an error page is kept for the reason. */
const REASON_LENGTH = 120;
/** Up to here room is made for an answer as soon as its length is announced: more than a block of any chain takes. */
const LARGEST_ROOM_BYTES = 8 << 20;

/** Within how many bytes a JSON-RPC answer shows that it is one. */
const RPC_START = 1_024;
/** The header of a request whose body is JSON-RPC. */
export const JSON_BODY = { "content-type": "application/json" };

/** One HTTP request. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** From the origin on, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The whole answer to one HTTP request, of whatever status. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Its content type. */
  readonly type: string | undefined;
  readonly body: ArrayBuffer;
}

/** Connections to one origin, which are kept alive. */
export interface Wire {
  /** Sends a request; the whole answer must be there within `timeoutMs`. Rejects only when `signal` aborts. */
  send(request: HttpRequest, timeoutMs: number, signal: AbortSignal): Promise<Answer<HttpAnswer>>;
  close(): Promise<void>;
}

/** Opens up to `connections` connections to the origin of `url`, which are made when they are needed. */
export function openWire(url: string, limits: AnswerBound, connections: number): Wire {
  const pool = new Pool(new URL(url).origin, {
    connections,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: limits.maxAnswerBytes,
  });
  return {
    send: async ({ method, path, headers, body }, timeoutMs, signal) => {
      const question = follow(signal);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        question.abort();
      }, timeoutMs);
      try {
        const request = { method, path, headers, body: body ?? null, signal: question.signal };
        const answer = await pool.request(request);
        const { "retry-after": retryAfter, "content-type": type, "content-length": length } = answer.headers;
        const value = {
          status: answer.statusCode,
          retryAfter: retryAfter?.toString(),
          type: type?.toString(),
          body: await readBody(answer.body, Number(length)),
        };
        return { kind: "answer", value };
      } catch (error) {
        signal.throwIfAborted();
        return {
          kind: "outage",
          reason: late ? `no whole answer within ${timeoutMs} ms` : wireReason(error),
        };
      } finally {
        clearTimeout(timer);
        question.release();
      }
    },
    close: () => pool.destroy(),
  };
}

/**
 * Reads a whole body. Where its length is announced, each piece is put in its place as it comes: pieces that are kept
 * to the end survive the young generation, and then only a collection of the whole heap frees them, every twenty blocks.
 */
function readBody(body: Dispatcher.ResponseData["body"], length: number): Promise<ArrayBuffer> {
  if (!(length > 0 && length <= LARGEST_ROOM_BYTES)) return body.arrayBuffer();
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let used = 0;
  return new Promise((resolve, reject) => {
    body.on("data", (piece: Buffer) => {
      piece.copy(whole, used);
      used += piece.length;
    });
    body.once("end", () => resolve(used === length ? whole.buffer : whole.buffer.slice(0, used)));
    body.once("error", reject);
    body.once("close", () => reject(new Error("the connection was closed")));
  });
}

/** A node behind an http(s) URL; connections are kept alive. Credentials in the URL become a header. */
export function openHttp(url: string, limits: AnswerBound): Endpoint {
  const { pathname, search } = new URL(url);
  const wire = openWire(url, limits, CONNECTIONS);
  const headers = { ...JSON_BODY, ...authorization(url) };
  const path = `${pathname}${search}`;
  return {
    name: nodeName(url),
    onHead: undefined,
    post: async (body, timeoutMs, signal) => {
      const answer = await wire.send({ method: "POST", path, headers, body }, timeoutMs, signal);
      if (answer.kind !== "answer") return answer;
      const { status, body: bytes } = answer.value;
      return status === 200 || (isDeclined(status) && isRpc(bytes))
        ? { kind: "answer", value: bytes }
        : statusFault(answer.value);
    },
    close: wire.close,
  };
}

/** What an answer says in words: its status, and the beginning of its text. */
export function httpReason({ status, body }: Pick<HttpAnswer, "status" | "body">): string {
  const text = Buffer.from(body).toString("utf8", 0, REASON_LENGTH).replaceAll(/\s+/g, " ").trim();
  return text === "" ? `HTTP ${status}` : `HTTP ${status} ${text}`;
}

/** What an answer means that is not what was asked for. */
export function statusFault(answer: HttpAnswer): Fault {
  const { status, retryAfter } = answer;
  const reason = httpReason(answer);
  if (status === 401 || status === 403) return { kind: "refusal", reason };
  if (isDeclined(status)) return { kind: "outage", reason, declined: true };
  const retryAfterMs = retryAfterOf(retryAfter ?? "", Date.now());
  return retryAfterMs === undefined ? { kind: "outage", reason } : { kind: "outage", reason, retryAfterMs };
}

/** Client errors (RFC 9110 §15.5) of which another form of the question may be free; not those that say who we are (401, 403) or when to come (408, 425, 429). */
function isDeclined(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 403, 408, 425, 429].includes(status);
}

/** Whether an answer is JSON-RPC: some nodes send an error under the status that HTTP has for it. */
export function isRpc(body: ArrayBuffer): boolean {
  return /^\s*[[{][\s\S]*"jsonrpc"/.test(Buffer.from(body).toString("utf8", 0, RPC_START));
}

/** The wait that a `Retry-After` header asks for: seconds, or an HTTP date against `nowMs` (RFC 9110 §10.2.3); undefined where it is neither. */
export function retryAfterOf(header: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function wireReason(error: unknown): string {
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return "the answer is larger than an answer may be";
  if (error instanceof AggregateError) return error.errors.map(wireReason).join(", ");
  return error instanceof Error ? error.message : String(error);
}
