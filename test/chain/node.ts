import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { type ChainBlock, grow } from "./chain.ts";
import { bodyOf, type Fault, misbehave, type Outgoing, type Pieces, rpcError, send } from "./faults.ts";
import { type Lie, tell } from "./lies.ts";
import { answer, type Call, type Desk, headJson } from "./methods.ts";
import type { Part, ServedBlock } from "./served.ts";
import { type Finalized, View } from "./view.ts";

/** Options of `startNode`. */
export interface NodeOptions {
  /** 0: any free port. */
  readonly port?: number;
  /** Signatures of the bodies are main-net's: 1 unless the node is to be of another chain. */
  readonly chainId?: number;
  /** Whether `debug_getRaw*` is offered (default: yes). */
  readonly raw?: boolean;
  /** Whether `debug_trace*` is offered (default: yes). */
  readonly traces?: boolean;
  /** Where the node says that finality is (default: 64 blocks below its head). */
  readonly finalized?: Finalized;
}

/** Where a lie is told: of one height (else of all), and of bare headers too (else only where bodies are asked for). */
export interface LieScope {
  readonly height?: number;
  readonly headers?: boolean;
}

/** What geth takes in one batch, and in one body (bytes). */
const LARGEST_BATCH = 1000;
const LARGEST_BODY = 5 * 1024 * 1024;
/** What geth sends in one batch, bytes. */
const LARGEST_ANSWER = 25 * 1024 * 1024;

/** A JSON-RPC node of our own, over HTTP and WebSocket, that lags, lies and fails when told to. */
export class SimulatedNode {
  readonly port: number;
  /** How many calls of each method came in. */
  readonly calls = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #subscribers = new Map<WebSocket, string>();
  readonly #view = new View();
  readonly #desk: Desk;
  readonly #lies = new Map<Lie, LieScope>();
  #fault: { readonly kind: Fault; times: number; readonly method: string } | undefined;

  constructor(server: Server, tip: ServedBlock, options: NodeOptions) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#view.follow(tip);
    this.#view.finalized = options.finalized ?? { kind: "depth", depth: 64 };
    this.#desk = {
      view: this.#view,
      chainId: options.chainId ?? 1,
      raw: options.raw ?? true,
      traces: options.traces ?? true,
      part: (block, part) => this.#tell(block, part),
    };
    server.on("request", (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#sockets = new WebSocketServer({ server });
    this.#sockets.on("connection", (socket) => this.#connect(socket));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The head that the node shows. */
  get head(): ServedBlock {
    return this.#view.head();
  }

  /** Makes `tip` the head and tells subscribers of it: of it alone, as geth does after a reorg. */
  follow(tip: ServedBlock): void {
    this.#view.follow(tip);
    this.#announce();
  }

  /** Hides its newest blocks, as a node that fell behind or lost them; 0 ends it. */
  lag(blocks: number): void {
    this.#view.behind = blocks;
    this.#announce();
  }

  /** Calls a block its head that is `blocks` above it and that it can't serve; 0 ends it. */
  runAhead(blocks: number): void {
    const head = this.#view.head() as ChainBlock;
    this.#view.mirage = blocks === 0 ? undefined : grow(head, blocks, "mirage");
  }

  /** Says where finality is. */
  finalize(finalized: Finalized): void {
    this.#view.finalized = finalized;
  }

  /** Tells a lie from now on, beside those that it tells already. */
  lie(kind: Lie, scope: LieScope = {}): void {
    this.#lies.set(kind, scope);
  }

  /** Fails the next `times` requests that have a call of `method` (any, when not named). */
  fail(kind: Fault, times: number = Number.POSITIVE_INFINITY, method = ""): void {
    this.#fault = { kind, times, method };
  }

  /** Answers nothing any more. */
  hang(): void {
    this.fail("hang");
  }

  /** Ends all lies, faults and lags. */
  heal(): void {
    this.#lies.clear();
    this.#fault = undefined;
    this.#view.behind = 0;
    this.#view.mirage = undefined;
  }

  /** Cuts all connections; the node itself goes on. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
  }

  /** Ends the node: its port refuses connections from now on. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#sockets.close();
    this.cut();
    await closed;
  }

  #tell(block: ServedBlock, part: Part): Buffer | undefined {
    for (const [kind, scope] of this.#lies) {
      const isHeader = part === "thin" || part === "rawHeader";
      if (scope.height !== undefined && scope.height !== block.height) continue;
      if (isHeader && scope.headers !== true) continue;
      return tell(kind, block as ChainBlock, part);
    }
    return block.answer(part);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") return send(response, 200, Buffer.alloc(0));
    if (!(request.headers["content-type"] ?? "").startsWith("application/json")) {
      return send(response, 415, Buffer.from("invalid content type, only application/json is supported\n"));
    }
    const text = await readBody(request);
    if (text === undefined) return send(response, 413, Buffer.from("content length too large\n"));
    const outgoing = await this.#answer(text);
    const fault = this.#nextFault(text);
    if (fault !== undefined) return misbehave(fault, outgoing, response);
    sendParts(response, bodyOf(outgoing));
  }

  /** Answers a body: one call or a batch, with geth's limits. */
  async #answer(text: string): Promise<Outgoing> {
    const asked = parse(text);
    if (asked === undefined)
      return { ids: [null], replies: [[rpcError(null, -32700, "parse error")]], isBatch: false };
    const { calls, isBatch } = asked;
    const ids = calls.map((call) => call?.id ?? null);
    if (calls.length > LARGEST_BATCH)
      return { ids, replies: [[rpcError(ids[0], -32600, "batch too large")]], isBatch };
    const replies: Pieces[] = [];
    let size = 0;
    for (const call of calls) {
      const reply =
        size > LARGEST_ANSWER ? [rpcError(call.id, -32003, "response too large")] : this.#reply(call);
      size += lengthOf(reply);
      replies.push(reply);
      // Lets other clients in: a batch of many blocks takes a while.
      if (replies.length % 8 === 0) await turn();
    }
    return { ids, replies, isBatch };
  }

  #reply(call: Call): Pieces {
    if (typeof call?.method !== "string") return [rpcError(null, -32600, "invalid request")];
    this.calls.set(call.method, (this.calls.get(call.method) ?? 0) + 1);
    const reply = answer(this.#desk, { ...call, params: call.params ?? [] });
    if (reply.kind === "error") return [rpcError(call.id, reply.code, reply.message)];
    const start = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":`);
    return [start, reply.json, Buffer.from("}")];
  }

  #nextFault(text: string): Fault | undefined {
    const fault = this.#fault;
    if (fault === undefined || fault.times <= 0 || !text.includes(fault.method)) return undefined;
    fault.times -= 1;
    return fault.kind;
  }

  #connect(socket: WebSocket): void {
    socket.on("error", () => socket.terminate());
    socket.on("message", (data) => {
      this.#hear(socket, String(data)).catch(() => socket.terminate());
    });
    socket.on("close", () => this.#subscribers.delete(socket));
  }

  async #hear(socket: WebSocket, text: string): Promise<void> {
    if (this.#fault?.kind === "hang") return;
    const asked = parse(text);
    const subscription = asked?.calls.find((call) => call.method === "eth_subscribe");
    if (subscription !== undefined) {
      const id = `0x${(this.#subscribers.size + 1).toString(16).padStart(32, "0")}`;
      this.#subscribers.set(socket, id);
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: subscription.id, result: id }));
      return;
    }
    socket.send(Buffer.concat(bodyOf(await this.#answer(text))).toString());
  }

  #announce(): void {
    if (this.#subscribers.size === 0) return;
    const result = headJson(this.#view.head());
    for (const [socket, id] of this.#subscribers) {
      socket.send(
        `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":${result}}}`,
      );
    }
  }
}

/** Starts a node on loopback whose head is `tip`. */
export async function startNode(tip: ServedBlock, options: NodeOptions = {}): Promise<SimulatedNode> {
  const server = createServer({ keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return new SimulatedNode(server, tip, options);
}

function sendParts(response: ServerResponse, parts: Pieces): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": lengthOf(parts) });
  response.cork();
  for (const part of parts) response.write(part);
  response.end();
  response.uncork();
}

function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The body as text; undefined when it is larger than geth takes. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): { readonly calls: readonly Call[]; readonly isBatch: boolean } | undefined {
  try {
    const asked = JSON.parse(text) as Call | readonly Call[];
    return "length" in asked ? { calls: asked, isBatch: true } : { calls: [asked], isBatch: false };
  } catch {
    return undefined;
  }
}
