import { type RawData, WebSocket } from "ws";
import { abortable } from "./abort.ts";
import {
  type Answer,
  type AnswerBound,
  authorization,
  CONNECT_TIMEOUT_MS,
  type Endpoint,
  type Fault,
  nodeName,
  withoutCredentials,
} from "./answer.ts";

/** Connections for questions; one more listens to heads. Ids repeat from batch to batch, so a connection has one batch under way. */
const LINES = 8;
/** What a node tells unasked, by its first members: a method and no id (JSON-RPC 2.0 §4.1). */
const NOTIFICATION = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:/;
const NOTIFICATION_BYTES = 128;
/** Between two tries to listen to heads: heads are polled all the same. */
const LISTEN_AGAIN_MS = 5_000;

/** One connection, made when it is first needed, and again after it broke. */
interface Line {
  socket: WebSocket | undefined;
  /** The question before this one on the same line. */
  last: Promise<unknown>;
  waiting: number;
}

/** A node behind a ws(s) URL: questions and heads both go over WebSockets. */
export function openWebSocket(url: string, limits: AnswerBound): Endpoint {
  const connect = () => {
    const socket = new WebSocket(withoutCredentials(url), {
      headers: authorization(url),
      maxPayload: limits.maxAnswerBytes,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      perMessageDeflate: false,
    });
    // Between questions nobody else listens, and an error without a listener would end the process.
    return socket.on("error", () => undefined);
  };
  const lines: readonly Line[] = Array.from({ length: LINES }, () => ({
    socket: undefined,
    last: Promise.resolve(),
    waiting: 0,
  }));
  const listening = new AbortController();
  return {
    name: nodeName(url),
    onHead: (listener) => listen(connect, listener, listening.signal),
    post: (body, timeoutMs, signal) => enqueue(freest(lines), { body, timeoutMs, connect }, signal),
    close: async () => {
      listening.abort();
      for (const line of lines) line.socket?.terminate();
    },
  };
}

function freest(lines: readonly Line[]): Line {
  return lines.reduce((best, line) => (line.waiting < best.waiting ? line : best));
}

interface Question {
  readonly body: string;
  readonly timeoutMs: number;
  readonly connect: () => WebSocket;
}

async function enqueue(line: Line, question: Question, signal: AbortSignal): Promise<Answer<ArrayBuffer>> {
  line.waiting += 1;
  const turn = line.last.then(() => exchange(line, question, signal));
  line.last = turn
    .catch(() => undefined)
    .finally(() => {
      line.waiting -= 1;
    });
  return await abortable(turn, signal);
}

/**
 * Sends one question and takes the next message that is no notification as its answer. A late answer must not meet the next
 * question, so a fault drops the connection.
 */
async function exchange(line: Line, question: Question, signal: AbortSignal): Promise<Answer<ArrayBuffer>> {
  signal.throwIfAborted();
  const socket = line.socket?.readyState === WebSocket.OPEN ? line.socket : question.connect();
  line.socket = socket;
  const answer = await nextMessage(socket, question, signal);
  if (answer.kind !== "answer") {
    socket.terminate();
    line.socket = undefined;
  }
  return answer;
}

function nextMessage(
  socket: WebSocket,
  question: Question,
  signal: AbortSignal,
): Promise<Answer<ArrayBuffer>> {
  return new Promise((resolve) => {
    const send = () => socket.send(question.body);
    const message = (data: RawData) => {
      const value = bytesOf(data);
      if (!isNotification(value)) settle({ kind: "answer", value });
    };
    const failed = (error: Error) => settle(socketFault(error.message));
    const closed = (code: number) => settle({ kind: "outage", reason: `the connection closed (${code})` });
    const aborted = () => settle({ kind: "outage", reason: "the question was given up" });
    const timer = setTimeout(() => {
      settle({ kind: "outage", reason: `no whole answer within ${question.timeoutMs} ms` });
    }, question.timeoutMs);
    const settle = (answer: Answer<ArrayBuffer>) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      socket.off("open", send).off("message", message).off("close", closed);
      socket.off("error", failed);
      resolve(answer);
    };
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("message", message).on("error", failed).on("close", closed);
    if (socket.readyState === WebSocket.OPEN) send();
    else socket.once("open", send);
  });
}

function isNotification(message: ArrayBuffer): boolean {
  const begin = Buffer.from(message, 0, Math.min(message.byteLength, NOTIFICATION_BYTES));
  return NOTIFICATION.test(begin.toString("latin1"));
}

/** `ws` tells a refused handshake by its status in the message: "Unexpected server response: 401". */
function socketFault(message: string): Fault {
  const refused = /server response: (401|403)$/.test(message);
  return refused ? { kind: "refusal", reason: message } : { kind: "outage", reason: message };
}

function bytesOf(data: RawData): ArrayBuffer {
  if (data instanceof ArrayBuffer) return data;
  const bytes = Array.isArray(data) ? Buffer.concat(data) : data;
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  return own.buffer;
}

const SUBSCRIBE = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] });

/** Calls back at every message of the subscription, its confirmation included: each is a reason to look. Connects again for ever. */
function listen(connect: () => WebSocket, listener: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const socket = connect();
  const stop = () => socket.terminate();
  signal.addEventListener("abort", stop, { once: true });
  socket.on("open", () => socket.send(SUBSCRIBE));
  socket.on("message", listener);
  socket.on("close", () => {
    signal.removeEventListener("abort", stop);
    if (!signal.aborted) setTimeout(() => listen(connect, listener, signal), LISTEN_AGAIN_MS).unref();
  });
}
