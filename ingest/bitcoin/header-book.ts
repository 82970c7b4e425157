import type { BlockRef } from "../../stream/block.ts";
import type { Answer, Fault, Unproven } from "../answer.ts";
import type { Call, Reply } from "../rpc.ts";
import { type ChainHeader, headerOf, isHash } from "./header.ts";

/** All that is asked of a node here. */
export interface BitcoinCaller {
  call(calls: readonly Call[], signal: AbortSignal): Promise<Answer<readonly Reply[]>>;
}

/** Headers that were seen, by hash: one whose fields had its hash once is not asked for again. */
export interface HeaderBook {
  get(hash: string): ChainHeader | undefined;
  add(header: ChainHeader): void;
}

/** How many headers are kept: more than two periods, so that a window of a backfill and its history stay. */
const KEPT = 8_192;
/** Calls a batch: a header is printed in some 700 bytes. */
const BATCH = 500;
/** Bitcoin Core's codes (`rpc/protocol.h`): for a height that its chain does not have, for an unknown hash, and while it starts. */
const NO_SUCH_HEIGHT = -8;
const NO_SUCH_BLOCK = -5;
const WARMING_UP = -28;

/** An empty book; the headers that it got first go first when it is full. */
export function openHeaderBook(): HeaderBook {
  const headers = new Map<string, ChainHeader>();
  return {
    get: (hash) => headers.get(hash),
    add: (header) => {
      headers.set(header.hash, header);
      const [oldest] = headers.keys();
      if (headers.size > KEPT && oldest !== undefined) headers.delete(oldest);
    },
  };
}

/** The call for the hash at a height. */
export function hashAt(height: number): Call {
  return { method: "getblockhash", params: [height] };
}

/** The call for the header of a hash. */
export function headerCall(hash: string): Call {
  return { method: "getblockheader", params: [hash] };
}

/** What the calls of `hashAt` came to; undefined above the node's head. */
export function hashesOf(
  heights: readonly number[],
  replies: readonly Reply[],
): Answer<readonly (BlockRef | undefined)[]> {
  const blocks: (BlockRef | undefined)[] = [];
  for (const [index, reply] of replies.entries()) {
    const height = heights[index] ?? 0;
    if (reply.kind === "error" && reply.code === NO_SUCH_HEIGHT) blocks.push(undefined);
    else if (reply.kind === "result" && isHash(reply.value)) blocks.push({ height, hash: reply.value });
    else return callFault(reply);
  }
  return { kind: "answer", value: blocks };
}

/** Asks `calls` in batches, one after another. */
export async function callAll(
  node: BitcoinCaller,
  calls: readonly Call[],
  signal: AbortSignal,
): Promise<Answer<readonly Reply[]>> {
  const replies: Reply[] = [];
  for (let at = 0; at < calls.length; at += BATCH) {
    const answer = await node.call(calls.slice(at, at + BATCH), signal);
    if (answer.kind !== "answer") return answer;
    replies.push(...answer.value);
  }
  return { kind: "answer", value: replies };
}

/** Asks for the headers of `blocks` that are not in the book, and adds them to it, proven by their hashes. */
export async function learn(
  node: BitcoinCaller,
  book: HeaderBook,
  blocks: readonly BlockRef[],
  signal: AbortSignal,
): Promise<Fault | undefined> {
  const unknown = blocks.filter(
    ({ hash }, index) =>
      book.get(hash) === undefined && blocks.findIndex((other) => other.hash === hash) === index,
  );
  const calls = unknown.map(({ hash }) => headerCall(hash));
  const replies = await callAll(node, calls, signal);
  if (replies.kind !== "answer") return replies;
  for (const [index, block] of unknown.entries()) {
    const reply = replies.value[index];
    if (reply?.kind !== "result") return callFault(reply);
    const header = headerOf(reply.value);
    if (header?.hash !== block.hash) return notItself(block, header);
    book.add(header);
  }
  return undefined;
}

function notItself(block: BlockRef, header: ChainHeader | undefined): Unproven {
  const reason =
    header === undefined ? "the header lacks a field" : `the header's fields have the hash ${header.hash}`;
  return { kind: "unproven", proof: "header", block, reason, waivable: false };
}

/** Whether a node gives what it was asked for, or says that it has no such height or block; any other error may pass. */
export function isTold(reply: Reply): boolean {
  return reply.kind === "result" || reply.code === NO_SUCH_HEIGHT || reply.code === NO_SUCH_BLOCK;
}

/** What the answer to a call means that is not the one hoped for: the node named what it now does not give. */
export function callFault(reply: Reply | undefined): Fault {
  if (reply?.kind !== "error") return { kind: "outage", reason: "the answer is not what was asked for" };
  const { code, message } = reply;
  const reason = code === WARMING_UP ? `it is starting: ${message}` : `error ${code}: ${message}`;
  return { kind: "outage", reason };
}
