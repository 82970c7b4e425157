import type { BlockHeader, BlockRef } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import { contradiction, heightsOf } from "../canonical.ts";
import type { Call, Reply } from "../rpc.ts";
import type { ChainView, Span } from "../source.ts";
import type { EthereumNode } from "./node.ts";
import { headerOf, hex } from "./rpc.ts";
import { viewedHeader } from "./view-header.ts";

/** Headers a batch: a header comes with its transactions' hashes, some 20 KB, and a node's answer has its own bound (geth: 25 MB, 1,000 calls). */
const HEADERS_A_BATCH = 64;
/** How a node says that it has no finalized block yet: geth -32000 "finalized block not found", others -39001 "unknown block". */
const NO_SUCH_BLOCK = [-32000, -39001];

/** All that a view needs of a node. */
type Caller = Pick<EthereumNode, "call">;

/** What is asked of a node's chain; `trusted`: its headers are taken unproven (the proof `header` is waived). */
export interface ViewQuestion {
  readonly span: Span | undefined;
  readonly withFinalized: boolean;
  readonly trusted: boolean;
}

/** Asks one node for its head, the canonical headers of `span`, and (`withFinalized`) its finalized block, if that is canonical there. */
export async function askView(
  node: Caller,
  asked: ViewQuestion,
  signal: AbortSignal,
): Promise<Answer<ChainView>> {
  const heights = heightsOf(asked.span);
  const calls = [byNumber("latest"), ...(asked.withFinalized ? [byNumber("finalized")] : [])];
  const top = await node.call([...calls, ...heights.slice(0, HEADERS_A_BATCH).map(byHeight)], signal);
  if (top.kind !== "answer") return top;
  const head = headOf(top.value[0], asked.trusted);
  if (head.kind !== "answer") return head;
  const headers: Headers = { trusted: asked.trusted, byHeight: new Map() };
  const fault =
    collect(headers, heights, top.value.slice(calls.length)) ??
    (await askRest(node, { headers, heights }, signal)) ??
    contradiction(headers.byHeight, head.value);
  if (fault !== undefined) return fault;
  const finalized = asked.withFinalized
    ? await confirmFinalized(node, top.value[1], { head: head.value, headers }, signal)
    : NONE;
  if (finalized.kind !== "answer") return finalized;
  return {
    kind: "answer",
    value: { head: head.value, finalized: finalized.value, headers: headers.byHeight },
  };
}

const NONE: Answer<undefined> = { kind: "answer", value: undefined };

function byHeight(height: number): Call {
  return byNumber(hex(height));
}

function byNumber(number: string): Call {
  return { method: "eth_getBlockByNumber", params: [number, false] };
}

function headOf(reply: Reply | undefined, trusted: boolean): Answer<BlockHeader> {
  if (reply?.kind === "error") return { kind: "outage", reason: reply.message };
  if (isNothing(reply?.value)) return { kind: "outage", reason: "the head is no block" };
  return viewedHeader(reply?.value, undefined, trusted);
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** The canonical headers so far. */
interface Headers {
  readonly trusted: boolean;
  readonly byHeight: Map<number, BlockHeader | undefined>;
}
type ViewFault = Exclude<Answer<never>, { kind: "answer" }>;

/** The heights that the first batch had no room for. */
async function askRest(
  node: Caller,
  known: { readonly headers: Headers; readonly heights: readonly number[] },
  signal: AbortSignal,
): Promise<ViewFault | undefined> {
  for (let at = HEADERS_A_BATCH; at < known.heights.length; at += HEADERS_A_BATCH) {
    const heights = known.heights.slice(at, at + HEADERS_A_BATCH);
    const replies = await node.call(heights.map(byHeight), signal);
    if (replies.kind !== "answer") return replies;
    const fault = collect(known.headers, heights, replies.value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function collect(
  headers: Headers,
  heights: readonly number[],
  replies: readonly Reply[],
): ViewFault | undefined {
  for (const [index, reply] of replies.entries()) {
    const height = heights[index] ?? 0;
    if (reply.kind === "error") return { kind: "outage", reason: reply.message };
    const header = isNothing(reply.value) ? NONE : viewedHeader(reply.value, height, headers.trusted);
    if (header.kind !== "answer") return header;
    headers.byHeight.set(height, header.value);
  }
  return undefined;
}

/** The tag says nothing about the chain: the block counts only when the node has it at its height as well, and at or below the head, which may be of another moment. */
async function confirmFinalized(
  node: Caller,
  reply: Reply | undefined,
  seen: { readonly head: BlockHeader; readonly headers: Headers },
  signal: AbortSignal,
): Promise<Answer<BlockRef | undefined>> {
  if (reply?.kind === "error") {
    return NO_SUCH_BLOCK.includes(reply.code) ? NONE : { kind: "outage", reason: reply.message };
  }
  const finalized = headerOf(reply?.value);
  if (finalized === undefined) return NONE;
  const { height, hash } = finalized;
  const { head, headers } = seen;
  if (height > head.height || (height === head.height && hash !== head.hash)) return NONE;
  const known = { ...headers, byHeight: new Map([[height, headers.byHeight.get(height)]]) };
  if (!headers.byHeight.has(height)) {
    const replies = await node.call([byHeight(height)], signal);
    if (replies.kind !== "answer") return replies;
    const fault = collect(known, [height], replies.value);
    if (fault !== undefined) return fault;
  }
  return known.byHeight.get(height)?.hash === hash ? { kind: "answer", value: { height, hash } } : NONE;
}
