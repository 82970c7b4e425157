import type { BlockHeader } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import type { Reply } from "../rpc.ts";
import { type ChainHeader, headerOf } from "./header.ts";
import {
  type BitcoinCaller,
  callAll,
  callFault,
  type HeaderBook,
  hashAt,
  headerCall,
  isTold,
} from "./header-book.ts";
import type { NetworkRules } from "./rules.ts";
import { historyAfter, historyLength, type WorkHistory } from "./work.ts";

/** Asks whichever node answers: `Nodes.ask`. */
type Ask = <T>(
  question: (node: BitcoinCaller, signal: AbortSignal) => Promise<Answer<T>>,
  signal: AbortSignal,
) => Promise<T | undefined>;

/** What ancestors say of the work that blocks must have. */
export interface Histories {
  /** Undefined where no node tells of the block's parent. */
  of(header: BlockHeader, signal: AbortSignal): Promise<WorkHistory | undefined>;
}

/** How many histories are kept: those of a window of a backfill, and of the branches of any reorg. */
const KEPT = 4_096;

/**
 * Follows the work of a chain: by the headers that were seen already, and for the first block by its period's, which a node
 * is asked for once. Each header is the parent of the next by its hash, so that nothing rests on the node's word.
 */
export function openHistories(ask: Ask, book: HeaderBook, rules: NetworkRules): Histories {
  /** Of the children of the block with that hash. */
  const after = new Map<string, Promise<WorkHistory | undefined>>();
  const below = (hash: string, height: number, signal: AbortSignal): Promise<WorkHistory | undefined> => {
    const known = after.get(hash);
    if (known !== undefined) return known;
    const found = compute(hash, height, signal);
    after.set(hash, found);
    found.catch(() => after.delete(hash));
    const [oldest] = after.keys();
    if (after.size > KEPT && oldest !== undefined) after.delete(oldest);
    return found;
  };
  const compute = async (
    hash: string,
    height: number,
    signal: AbortSignal,
  ): Promise<WorkHistory | undefined> => {
    const header = book.get(hash);
    const isSeen = header !== undefined && after.has(header.parent);
    const length = historyLength(height, rules);
    const run = isSeen
      ? [header]
      : await ask((node, leave) => askRun(node, { book, hash, height, length }, leave), signal);
    const [first] = run ?? [];
    if (first === undefined || run === undefined) return undefined;
    const firstHeight = height - run.length + 1;
    let history = isSeen ? await after.get(first.parent) : undefined;
    for (const [index, one] of run.entries()) {
      history = historyAfter({ height: firstHeight + index, time: one.time, bits: one.bits }, history, rules);
    }
    return history;
  };
  return {
    of: async ({ parent, height }, signal) =>
      height > 0 ? await below(parent, height - 1, signal) : undefined,
  };
}

/** A block, and how many blocks up to it are wanted. */
interface Wanted {
  readonly hash: string;
  readonly height: number;
  readonly length: number;
}

/** Asks one node for a block's header and those of its ancestors, oldest first, as many as it has. */
async function askRun(
  node: BitcoinCaller,
  { book, hash, height, length }: Wanted & { readonly book: HeaderBook },
  signal: AbortSignal,
): Promise<Answer<readonly ChainHeader[]>> {
  const heights = Array.from({ length }, (_, index) => height - length + 1 + index);
  const found = await callAll(node, heights.map(hashAt), signal);
  if (found.kind !== "answer") return found;
  const named = new Set([hash, ...found.value.flatMap(hashIn)]);
  const hashes = [...named].filter((one) => book.get(one) === undefined);
  const replies = await callAll(node, hashes.map(headerCall), signal);
  if (replies.kind !== "answer") return replies;
  const fault = [...found.value, ...replies.value].find((reply) => !isTold(reply));
  if (fault !== undefined) return callFault(fault);
  for (const reply of replies.value) {
    const header = reply.kind === "result" ? headerOf(reply.value) : undefined;
    if (header !== undefined) book.add(header);
  }
  return { kind: "answer", value: linked(book, hash, length) };
}

/** The block of that hash and its ancestors in the book, oldest first, `length` at most. */
function linked(book: HeaderBook, hash: string, length: number): readonly ChainHeader[] {
  const run: ChainHeader[] = [];
  let next = book.get(hash);
  while (next !== undefined && run.length < length) {
    run.push(next);
    next = book.get(next.parent);
  }
  return run.reverse();
}

function hashIn(reply: Reply): readonly string[] {
  return reply.kind === "result" && typeof reply.value === "string" ? [reply.value] : [];
}
