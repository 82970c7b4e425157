import type { BlockHeader, BlockRef } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import { contradiction, heightsOf } from "../canonical.ts";
import type { ChainView, Span } from "../source.ts";
import { CHAIN_INFO, type ChainInfo, readInfo } from "./chain-info.ts";
import { type BitcoinCaller, callAll, type HeaderBook, hashAt, hashesOf, learn } from "./header-book.ts";

/** What a view needs of a node. */
interface ViewedNode extends BitcoinCaller {
  /** To be told what the node says of itself. */
  note(info: ChainInfo): void;
}

/** Asks one node for its head and the headers of `span` on its chain; the fields of each have the hash that the node names. */
export async function askView(
  node: ViewedNode,
  asked: { readonly book: HeaderBook; readonly span: Span | undefined },
  signal: AbortSignal,
): Promise<Answer<ChainView>> {
  const { book, span } = asked;
  const heights = heightsOf(span);
  const replies = await callAll(node, [CHAIN_INFO, ...heights.map(hashAt)], signal);
  if (replies.kind !== "answer") return replies;
  const [first, ...rest] = replies.value;
  const info = readInfo(first);
  if (info.kind !== "answer") return info;
  node.note(info.value);
  const blocks = hashesOf(heights, rest);
  if (blocks.kind !== "answer") return blocks;
  const known = blocks.value.filter((block) => block !== undefined);
  const fault = await learn(node, book, [info.value.head, ...known], signal);
  return fault ?? viewOf(book, info.value.head, { heights, blocks: blocks.value });
}

function viewOf(
  book: HeaderBook,
  top: BlockRef,
  seen: { readonly heights: readonly number[]; readonly blocks: readonly (BlockRef | undefined)[] },
): Answer<ChainView> {
  const head = placed(book, top);
  if (head === undefined) return { kind: "outage", reason: "its head has no header" };
  const headers = new Map(
    seen.heights.map((height, index) => [height, placed(book, seen.blocks[index])] as const),
  );
  const fault = contradiction(headers, head);
  return fault ?? { kind: "answer", value: { head, finalized: undefined, headers } };
}

/** The header is proven by its hash, but for the height, which the coinbase names (BIP 34). */
function placed(book: HeaderBook, block: BlockRef | undefined): BlockHeader | undefined {
  const header = block === undefined ? undefined : book.get(block.hash);
  if (block === undefined || header === undefined) return undefined;
  return { height: block.height, hash: block.hash, parent: header.parent, time: header.time };
}
