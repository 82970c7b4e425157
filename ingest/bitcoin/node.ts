import type { Logger } from "pino";
import type { BitcoinNetwork } from "../../stream/bitcoin/network.ts";
import type { BlockHeader } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import { Caller } from "../caller.ts";
import { type HttpAnswer, JSON_BODY, statusFault, type Wire } from "../http.ts";
import type { NodeLimits } from "../limits.ts";
import type { ChainNode } from "../nodes.ts";
import type { Call, Reply } from "../rpc.ts";
import { openSlots, type Slots } from "../slots.ts";
import { askGreeting, type ChainInfo } from "./chain-info.ts";
import type { CredentialHeaders, Credentials } from "./credentials.ts";
import { type Rest, type RestAnswer, type RestOff, unavailable } from "./rest.ts";

/** How a node serves blocks: by REST as bytes, or by `getblock <hash> 3`. */
export type BlockForm = "rest" | "rpc";

/** What a node is reached by. */
export interface NodeLines {
  readonly name: string;
  /** Path and query of the RPC address. */
  readonly path: string;
  readonly wire: Wire;
  readonly credentials: Credentials;
  readonly rest: Rest;
}

/** What ingest needs to know of a chain to talk to its nodes. */
export interface NodeNeeds {
  readonly network: BitcoinNetwork;
  readonly limits: Pick<NodeLimits, "smallAnswerMs" | "bodyAnswerMs">;
  readonly log: Logger;
}

const HTTP_OK = 200;
const HTTP_UNAUTHORIZED = 401;
const HTTP_FORBIDDEN = 403;
const HTTP_UNAVAILABLE = 503;
/** Under these Core sends the errors of single calls where they are not of JSON-RPC 2.0 (`httprpc.cpp`). */
const RPC_ERRORS: readonly number[] = [400, 404, 500];
/** `getblock` with prevouts. */
const WITH_PREVOUTS = 3;
const GREETED: Answer<void> = { kind: "answer", value: undefined };

const REST_REFUSES = "REST refuses us; blocks are asked for by RPC: check the credentials in its address";

/** Blocks asked for by RPC at once: each is printed in five to ten times its size, up to some 20 MB, which wait for a thread. */
const RPC_BODIES = 2;

/** A Bitcoin node behind one RPC address and one of REST, and what it was found to offer. */
export class BitcoinNode implements ChainNode {
  readonly name: string;
  /** Room for what `blockBody` answers, to be held until it is read. */
  readonly bodies: Slots = openSlots(RPC_BODIES);
  readonly #lines: NodeLines;
  readonly #needs: NodeNeeds;
  readonly #caller: Caller;
  #form: BlockForm = "rpc";
  #downloading = false;

  constructor(lines: NodeLines, needs: NodeNeeds) {
    this.name = lines.name;
    this.#lines = lines;
    this.#needs = needs;
    this.#caller = new Caller(
      (body, timeoutMs, signal) => this.#post(body, timeoutMs, signal),
      needs.limits.smallAnswerMs,
    );
  }

  /** In which form this node serves blocks. */
  get form(): BlockForm {
    return this.#form;
  }

  /** Whether it was last seen to be downloading its chain. */
  get downloading(): boolean {
    return this.#downloading;
  }

  /** From now on this node is asked by RPC: its REST interface is gone, or refuses us. Told once, however many questions find it out. */
  useRpc({ reason, refusesUs }: RestOff): void {
    if (this.#form === "rpc") return;
    this.#form = "rpc";
    const msg = refusesUs ? REST_REFUSES : "REST is gone; blocks are asked for by RPC, which is slower";
    this.#needs.log.warn({ node: this.name, reason }, msg);
  }

  /** Checks network and genesis, and finds out in which form the node serves blocks. */
  async greet(signal: AbortSignal): Promise<Answer<void>> {
    this.#caller.reset();
    const greeting = await askGreeting(this, this.#needs.network, signal);
    if (greeting.kind !== "answer") return greeting;
    const { info, tellsPrevouts } = greeting.value;
    this.note(info);
    const probe = await this.rest(`spenttxouts/${info.head.hash}.bin`, signal);
    if (probe.kind === "outage") return probe;
    if (probe.kind === "unreachable") {
      const { reason } = probe;
      this.#needs.log.warn({ node: this.name, reason }, "REST out of reach; blocks are asked for by RPC");
    }
    if (probe.kind === "off" && probe.refusesUs) {
      this.#needs.log.warn({ node: this.name, reason: probe.reason }, REST_REFUSES);
    }
    this.#form = probe.kind === "answer" ? "rest" : "rpc";
    this.#needs.log.debug({ node: this.name, form: this.#form }, "node greeted");
    if (this.#form === "rest" || tellsPrevouts) return GREETED;
    return {
      kind: "refusal",
      reason:
        "its getblock tells no prevouts: it needs Bitcoin Core 23 or later, or 30 or later with -rest, which is faster",
    };
  }

  /** Asks `calls` at once; the replies in their order. */
  async call(calls: readonly Call[], signal: AbortSignal): Promise<Answer<readonly Reply[]>> {
    return await this.#caller.call(calls, signal);
  }

  /** The answer to `getblock <hash> 3` as that of a batch, unread. */
  async blockBody({ hash }: BlockHeader, signal: AbortSignal): Promise<Answer<ArrayBuffer>> {
    const calls = new Map([[0, { method: "getblock", params: [hash, WITH_PREVOUTS] }]]);
    return await this.#caller.body(
      calls,
      { timeoutMs: this.#needs.limits.bodyAnswerMs, apart: true },
      signal,
    );
  }

  /** Gets what stands below `/rest/`. */
  async rest(resource: string, signal: AbortSignal): Promise<RestAnswer> {
    return await this.#lines.rest.get(resource, this.#needs.limits.bodyAnswerMs, signal);
  }

  /** Hears what the node says of itself: that it still downloads its chain is told once; the blocks that it has are taken all the same. */
  note({ downloading, head, headers }: ChainInfo): void {
    if (downloading && !this.#downloading) {
      this.#needs.log.info(
        { node: this.name, blocks: head.height, headers },
        "node is still downloading its chain; what it has is taken",
      );
    }
    this.#downloading = downloading;
  }

  async close(): Promise<void> {
    await Promise.all([this.#lines.wire.close(), this.#lines.rest.close()]);
  }

  async #post(body: string, timeoutMs: number, signal: AbortSignal): Promise<Answer<ArrayBuffer>> {
    const { credentials } = this.#lines;
    const sent = await credentials.headers();
    const first = await this.#send(body, sent, timeoutMs, signal);
    if (first.kind !== "answer") return first;
    if (first.value.status !== HTTP_UNAUTHORIZED) return readAnswer(first.value);
    const renewal = await credentials.renew(sent);
    switch (renewal.kind) {
      case "renewed": {
        const second = await this.#send(body, renewal.headers, timeoutMs, signal);
        return second.kind === "answer" ? readAnswer(second.value) : second;
      }
      case "same":
      case "unreadable":
        return { kind: "refusal", reason: `HTTP 401: ${renewal.hint}` };
      case "absent":
        return { kind: "outage", reason: `HTTP 401: ${renewal.hint}` };
    }
  }

  async #send(
    body: string,
    credentials: CredentialHeaders,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer<HttpAnswer>> {
    const { path, wire } = this.#lines;
    const headers = { ...JSON_BODY, ...credentials };
    return await wire.send({ method: "POST", path, headers, body }, timeoutMs, signal);
  }
}

function readAnswer(answer: HttpAnswer): Answer<ArrayBuffer> {
  const { status, body } = answer;
  if (status === HTTP_OK || (RPC_ERRORS.includes(status) && isJson(body))) {
    return { kind: "answer", value: body };
  }
  if (status === HTTP_UNAUTHORIZED)
    return { kind: "refusal", reason: "HTTP 401 also with the cookie of now" };
  if (status === HTTP_FORBIDDEN) {
    return { kind: "refusal", reason: "HTTP 403: its -rpcallowip or -rpcwhitelist keeps us out" };
  }
  const fault = statusFault(answer);
  if (fault.kind !== "outage" || status !== HTTP_UNAVAILABLE) return fault;
  return { ...fault, reason: unavailable(fault.reason) };
}

function isJson(body: ArrayBuffer): boolean {
  const [first] = new Uint8Array(body, 0, Math.min(1, body.byteLength));
  return first === 0x5b || first === 0x7b;
}
