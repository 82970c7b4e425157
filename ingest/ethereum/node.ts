import type { BlockHeader } from "../../stream/block.ts";
import type { Answer, Endpoint } from "../answer.ts";
import { Caller, isDeclined } from "../caller.ts";
import type { NodeLimits } from "../limits.ts";
import type { ChainNode } from "../nodes.ts";
import type { Call, Reply } from "../rpc.ts";
import { hex, quantity } from "./rpc.ts";

/** What ingest needs to know of a chain to talk to its nodes. */
export interface NodeNeeds {
  readonly chainId: number;
  readonly traces: boolean;
  /** Whether the consensus bytes will do: where `senders` is waived, the node's own `from` is needed. */
  readonly raw: boolean;
  readonly limits: AnswerLimits;
}

type AnswerLimits = Pick<NodeLimits, "smallAnswerMs" | "bodyAnswerMs" | "tracesAnswerMs">;

/** An Ethereum node behind one URL, and what it was found to offer. */
export class EthereumNode implements ChainNode {
  readonly name: string;
  readonly #endpoint: Endpoint;
  readonly #caller: Caller;
  readonly #needs: NodeNeeds;
  #form: "json" | "raw" = "json";

  constructor(endpoint: Endpoint, needs: NodeNeeds) {
    this.name = endpoint.name;
    this.#endpoint = endpoint;
    this.#caller = new Caller(endpoint.post, needs.limits.smallAnswerMs);
    this.#needs = needs;
  }

  /** In which form this node serves blocks. */
  get form(): "json" | "raw" {
    return this.#form;
  }

  /** Checks the chain id, and finds out whether the node offers consensus bytes, asked of its head: an old block may be pruned. */
  async greet(signal: AbortSignal): Promise<Answer<void>> {
    this.#caller.reset();
    const replies = await this.call([{ method: "eth_chainId", params: [] }], signal);
    if (replies.kind !== "answer") return replies;
    const [id] = replies.value;
    const answered = id?.kind === "result" ? quantity(id.value) : undefined;
    if (answered === undefined)
      return { kind: "outage", reason: `eth_chainId: ${id?.kind === "error" ? id.message : "no number"}` };
    if (answered !== this.#needs.chainId) {
      return { kind: "refusal", reason: `chain id ${answered} instead of ${this.#needs.chainId}` };
    }
    return await this.#chooseForm(signal);
  }

  /** From now on this node is asked for JSON: it refused its consensus bytes. */
  useJson(): void {
    this.#form = "json";
  }

  /** Asks `calls` at once; the replies in their order. */
  async call(calls: readonly Call[], signal: AbortSignal): Promise<Answer<readonly Reply[]>> {
    return await this.#caller.call(calls, signal);
  }

  /** The whole answer to the questions for one block (ids: see `ProveTask`), unread. */
  async body(header: BlockHeader, how: BodyForm, signal: AbortSignal): Promise<Answer<ArrayBuffer>> {
    const { traces, limits } = this.#needs;
    const timeoutMs = traces ? limits.tracesAnswerMs : limits.bodyAnswerMs;
    const calls = bodyCalls(header.hash, how, traces ? limits.tracesAnswerMs : undefined);
    return await this.#caller.body(calls, { timeoutMs, apart: how.apart }, signal);
  }

  onHead(listener: () => void): void {
    this.#endpoint.onHead?.(listener);
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }

  /** Consensus bytes where they are offered: a node may decline to be asked for them in any way. */
  async #chooseForm(signal: AbortSignal): Promise<Answer<void>> {
    this.#form = "json";
    if (!this.#needs.raw) return GREETED;
    const probes = RAW_METHODS.map((method) => ({ method, params: ["latest"] }));
    const replies = await this.call(probes, signal);
    const [block, receipts] = replies.kind === "answer" ? replies.value : [];
    if (isRawBlock(block) && isList(receipts)) this.#form = "raw";
    // It may be the methods, not the batch, that were declined.
    else this.#caller.reset();
    return replies.kind === "outage" && !isDeclined(replies) ? replies : GREETED;
  }
}

/** How a block is asked for. */
export interface BodyForm {
  readonly form: "json" | "raw";
  /** One by one, which evades a batch's limits. */
  readonly apart: boolean;
  /** Ommer headers to ask for as well. */
  readonly ommers: number;
}

const RAW_METHODS = ["debug_getRawBlock", "debug_getRawReceipts"] as const;
const GREETED: Answer<void> = { kind: "answer", value: undefined };

function isRawBlock(reply: Reply | undefined): boolean {
  return reply?.kind === "result" && typeof reply.value === "string" && /^0x[0-9a-f]{2}/i.test(reply.value);
}

function isList(reply: Reply | undefined): boolean {
  return reply?.kind === "result" && Array.isArray(reply.value);
}

/** The calls for one block, by the ids that `ProveTask` names; without `tracesMs` no traces. */
function bodyCalls(hash: string, how: BodyForm, tracesMs: number | undefined): ReadonlyMap<number, Call> {
  const [block, receipts]: readonly [Call, Call] =
    how.form === "raw"
      ? [
          { method: RAW_METHODS[0], params: [hash] },
          { method: RAW_METHODS[1], params: [hash] },
        ]
      : [
          { method: "eth_getBlockByHash", params: [hash, true] },
          { method: "eth_getBlockReceipts", params: [hash] },
        ];
  const calls = new Map([
    [0, block],
    [1, receipts],
  ]);
  if (tracesMs !== undefined) {
    // Unless told, geth gives a transaction 5 s and then ends the whole answer by "execution timeout": for ever, where one is heavy.
    const tracer = { tracer: "callTracer", timeout: `${Math.ceil(tracesMs / 1000)}s` };
    calls.set(2, { method: "debug_traceBlockByHash", params: [hash, tracer] });
  }
  for (let index = 0; index < how.ommers; index += 1) {
    calls.set(3 + index, { method: "eth_getUncleByBlockHashAndIndex", params: [hash, hex(index)] });
  }
  return calls;
}
