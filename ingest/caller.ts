import type { Answer, Endpoint } from "./answer.ts";
import { type Call, callText, type Reply, readReplies } from "./rpc.ts";

/** How calls are posted: within which time, and whether as one batch. */
interface Posting {
  readonly timeoutMs: number;
  readonly together: boolean;
}

/** Asks one node by JSON-RPC, in batches as large as it takes them. */
export class Caller {
  readonly #post: Endpoint["post"];
  readonly #smallAnswerMs: number;
  #largestBatch = Number.POSITIVE_INFINITY;

  /** `smallAnswerMs`: how long a node may take for the answer to `call`. */
  constructor(post: Endpoint["post"], smallAnswerMs: number) {
    this.#post = post;
    this.#smallAnswerMs = smallAnswerMs;
  }

  /** Forgets what the node declined: it may have been its methods, or the node may have changed. */
  reset(): void {
    this.#largestBatch = Number.POSITIVE_INFINITY;
  }

  /** Asks `calls` at once; the replies in their order. A batch that the node declines is halved, and no larger one is sent again. */
  async call(calls: readonly Call[], signal: AbortSignal): Promise<Answer<readonly Reply[]>> {
    const size = Math.min(this.#largestBatch, calls.length);
    const answers = await Promise.all(
      inBatches(calls, size).map((batch) => this.#callTogether(batch, signal)),
    );
    const replies: Reply[] = [];
    for (const answer of answers) {
      if (answer.kind === "answer") replies.push(...answer.value);
      else if (size === 1 || !isDeclined(answer)) return answer;
      else {
        this.#largestBatch = Math.min(this.#largestBatch, size >> 1);
        return await this.call(calls, signal);
      }
    }
    return { kind: "answer", value: replies };
  }

  /** The whole answer to `calls` by their ids, unread, as that of one batch; `apart`: asked one by one, which evades a batch's limits. */
  async body(
    calls: ReadonlyMap<number, Call>,
    how: { readonly timeoutMs: number; readonly apart: boolean },
    signal: AbortSignal,
  ): Promise<Answer<ArrayBuffer>> {
    const { timeoutMs } = how;
    const together = calls.size <= this.#largestBatch && !how.apart;
    const body = await this.#send(calls, { timeoutMs, together }, signal);
    if (!together || !isDeclined(body)) return body;
    return await this.#send(calls, { timeoutMs, together: false }, signal);
  }

  async #callTogether(calls: readonly Call[], signal: AbortSignal): Promise<Answer<readonly Reply[]>> {
    const how = { timeoutMs: this.#smallAnswerMs, together: calls.length > 1 };
    const body = await this.#send(new Map(calls.map((call, id) => [id, call])), how, signal);
    return body.kind === "answer" ? readReplies(body.value, calls.length) : body;
  }

  async #send(
    calls: ReadonlyMap<number, Call>,
    how: Posting,
    signal: AbortSignal,
  ): Promise<Answer<ArrayBuffer>> {
    const texts = [...calls].map(([id, call]) => callText(call, id));
    if (how.together) return await this.#post(`[${texts.join(",")}]`, how.timeoutMs, signal);
    return joined(await Promise.all(texts.map((text) => this.#post(text, how.timeoutMs, signal))));
  }
}

/** Whether the node read a question and did not take it in this form. */
export function isDeclined(answer: Answer<unknown>): boolean {
  return answer.kind === "outage" && answer.declined === true;
}

function inBatches(calls: readonly Call[], size: number): readonly (readonly Call[])[] {
  return Array.from({ length: Math.ceil(calls.length / size) }, (_, index) =>
    calls.slice(index * size, (index + 1) * size),
  );
}

/** Single answers as the one answer that a batch would have given: their bytes in brackets. */
function joined(bodies: readonly Answer<ArrayBuffer>[]): Answer<ArrayBuffer> {
  const parts: Buffer[] = [];
  for (const body of bodies) {
    if (body.kind !== "answer") return body;
    parts.push(Buffer.from(parts.length === 0 ? "[" : ","), Buffer.from(body.value));
  }
  const whole = Buffer.concat([...parts, Buffer.from("]")]);
  const own = new Uint8Array(whole.length);
  own.set(whole);
  return { kind: "answer", value: own.buffer };
}
