import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { bodyOf, type Fault, misbehave, type Outgoing, rpcError, send } from "../faults.ts";
import { View } from "../view.ts";
import { type ChainBlock, grow } from "./chain.ts";
import { distort, type Lie } from "./lies.ts";
import { answer, type Call, type Desk, REGTEST } from "./methods.ts";
import { answerRest } from "./rest.ts";

/** Options of `startBitcoinNode`. */
export interface NodeOptions {
  /** 0: any free port. */
  readonly port?: number;
  /** Whether REST is served (-rest; default: yes). */
  readonly rest?: boolean;
  /** As `getnetworkinfo` prints it (default: 310000). Below 300000 there is no `/rest/spenttxouts`, below 230000 no prevout. */
  readonly version?: number;
  /** `user:password`; undefined: anybody comes in. */
  readonly auth?: string;
  /** Another chain's name or genesis. */
  readonly chain?: string;
  readonly genesis?: string;
}

/** Where a lie is told: of one height (else of all), and of bare headers too. */
export interface LieScope {
  readonly height?: number;
  readonly headers?: boolean;
}

/** A Bitcoin node of our own, over JSON-RPC and REST, that lags, lies and fails when told to. */
export class SimulatedBitcoinNode {
  readonly port: number;
  /** How many calls of each method came in; REST requests count as `rest`. */
  readonly calls = new Map<string, number>();
  readonly #server: Server;
  readonly #options: NodeOptions;
  readonly #view = new View<ChainBlock>();
  readonly #side = new Map<string, ChainBlock>();
  readonly #lies = new Map<Lie, LieScope>();
  #auth: string | undefined;
  #rest: boolean;
  #warmingUp: string | undefined;
  #downloading = false;
  #pruneHeight = 0;
  #fault: { readonly kind: Fault; times: number; readonly method: string } | undefined;

  constructor(server: Server, tip: ChainBlock, options: NodeOptions) {
    this.#server = server;
    this.#options = options;
    this.#auth = options.auth;
    this.#rest = options.rest ?? true;
    this.port = (server.address() as AddressInfo).port;
    this.#view.follow(tip);
    server.on("request", (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Its RPC address, with the credentials that let one in. */
  get url(): string {
    return `http://${this.#auth === undefined ? "" : `${this.#auth}@`}127.0.0.1:${this.port}`;
  }

  /** The same without credentials. */
  get bareUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The head that the node shows. */
  get head(): ChainBlock {
    return this.#view.head();
  }

  /** Makes `tip` the head, whatever its work: the node decides. */
  follow(tip: ChainBlock): void {
    this.#view.follow(tip);
  }

  /** Takes in a block without connecting it: nobody told it what that spends. */
  receive(block: ChainBlock): void {
    this.#side.set(block.hash, block);
  }

  /** Hides its newest blocks, as a node that fell behind or lost them; 0 ends it. */
  lag(blocks: number): void {
    this.#view.behind = blocks;
  }

  /** Calls a block its head that is `blocks` above it and that it can't serve; 0 ends it. */
  runAhead(blocks: number): void {
    const head = this.#view.head();
    this.#view.mirage = blocks === 0 ? undefined : grow(head, blocks, "mirage");
  }

  /** Starts, and says so in Core's words; undefined: it is up. */
  warmUp(message: string | undefined): void {
    this.#warmingUp = message;
  }

  /** Says that it is in its initial download, or that this is over. */
  download(downloading: boolean): void {
    this.#downloading = downloading;
  }

  /** Throws away all blocks below `height`. */
  prune(height: number): void {
    this.#pruneHeight = height;
  }

  /** Offers REST no more, or again. */
  offerRest(offered: boolean): void {
    this.#rest = offered;
  }

  /** Lets nobody in any more but who has these credentials, `user:password`. */
  lock(auth: string): void {
    this.#auth = auth;
  }

  /** Tells a lie from now on, beside those that it tells already. */
  lie(kind: Lie, scope: LieScope = {}): void {
    this.#lies.set(kind, scope);
  }

  /** Fails the next `times` requests that have `method` in their text, or in their path where it is REST (any, when not named). */
  fail(kind: Fault, times: number = Number.POSITIVE_INFINITY, method = ""): void {
    this.#fault = { kind, times, method };
  }

  /** Ends all lies, faults and lags. */
  heal(): void {
    this.#lies.clear();
    this.#fault = undefined;
    this.#view.behind = 0;
    this.#view.mirage = undefined;
    this.#warmingUp = undefined;
    this.#downloading = false;
    this.#pruneHeight = 0;
  }

  /** Cuts all connections; the node itself goes on. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  /** Ends the node: its port refuses connections from now on. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  #lieOf(height: number): Lie | undefined {
    for (const [kind, scope] of this.#lies) if ((scope.height ?? height) === height) return kind;
    return undefined;
  }

  #desk(forHeaders: boolean): Desk {
    return {
      ...REGTEST,
      ...(this.#options.chain === undefined ? {} : { chain: this.#options.chain }),
      ...(this.#options.genesis === undefined ? {} : { genesis: this.#options.genesis }),
      view: this.#view,
      version: this.#options.version ?? 310_000,
      downloading: this.#downloading,
      warmingUp: this.#warmingUp,
      pruneHeight: this.#pruneHeight,
      side: this.#side,
      told: (block) => {
        const lie = this.#lieOf(block.height);
        if (lie === undefined || (forHeaders && this.#lies.get(lie)?.headers !== true)) return block;
        return distort(lie, block);
      },
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    if (path.startsWith("/rest/")) return await this.#serveRest(path, response);
    if (request.method !== "POST")
      return send(response, 405, Buffer.from("JSONRPC server handles only POST requests"));
    const body = await text(request);
    if (!this.#letsIn(request)) {
      const headers = { "www-authenticate": 'Basic realm="jsonrpc"' };
      return send(response, 401, Buffer.alloc(0), headers);
    }
    const { outgoing, status } = this.#answer(body);
    const fault = this.#nextFault(body);
    if (fault !== undefined) return await misbehave(fault, outgoing, response);
    send(response, status, Buffer.concat(bodyOf(outgoing)));
  }

  async #serveRest(path: string, response: ServerResponse): Promise<void> {
    this.#count("rest");
    if (!this.#rest) return send(response, 404, Buffer.alloc(0), { "content-type": "text/html" });
    const { status, body, type } = answerRest(this.#desk(false), path, (height) => this.#lieOf(height));
    const fault = this.#nextFault(path);
    if (fault !== undefined)
      return await misbehave(fault, { ids: [0], replies: [[body]], isBatch: false }, response);
    send(response, status, body, { "content-type": type });
  }

  #letsIn(request: IncomingMessage): boolean {
    if (this.#auth === undefined) return true;
    return request.headers.authorization === `Basic ${Buffer.from(this.#auth).toString("base64")}`;
  }

  /** Answers a body: one call or a batch. A single call's error has a status of its own, unless it is of JSON-RPC 2.0. */
  #answer(body: string): { outgoing: Outgoing; status: number } {
    const asked = parse(body);
    if (asked === undefined) {
      return {
        status: 500,
        outgoing: { ids: [null], replies: [[rpcError(null, -32700, "Parse error")]], isBatch: false },
      };
    }
    const isBatch = Array.isArray(asked);
    const calls = (isBatch ? asked : [asked]) as readonly Call[];
    const replies = calls.map((call) => this.#reply(call));
    const [only] = replies;
    const fails = !isBatch && only?.code !== undefined && calls[0]?.jsonrpc !== "2.0";
    return {
      outgoing: {
        ids: calls.map((call) => call.id ?? null),
        replies: replies.map(({ text: reply }) => [reply]),
        isBatch,
      },
      status: fails ? (only?.code === -32601 ? 404 : 500) : 200,
    };
  }

  #reply(call: Call): { text: Buffer; code: number | undefined } {
    this.#count(call.method);
    const desk = this.#desk(call.method === "getblockheader");
    const reply = answer(desk, { ...call, params: call.params ?? [] });
    if (reply.kind === "error")
      return { text: rpcError(call.id, reply.code, reply.message), code: reply.code };
    const id = JSON.stringify(call.id ?? null);
    const whole =
      call.jsonrpc === "2.0"
        ? `{"jsonrpc":"2.0","result":${reply.json},"id":${id}}`
        : `{"result":${reply.json},"error":null,"id":${id}}`;
    return { text: Buffer.from(whole), code: undefined };
  }

  #count(method: string): void {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
  }

  #nextFault(asked: string): Fault | undefined {
    const fault = this.#fault;
    if (fault === undefined || fault.times <= 0 || !asked.includes(fault.method)) return undefined;
    fault.times -= 1;
    return fault.kind;
  }
}

/** Starts a node whose head is `tip`. */
export async function startBitcoinNode(
  tip: ChainBlock,
  options: NodeOptions = {},
): Promise<SimulatedBitcoinNode> {
  const server = createServer({ keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return new SimulatedBitcoinNode(server, tip, options);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
