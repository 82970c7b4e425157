import type { BlockHeader } from "../../stream/block.ts";
import { encodeRlp } from "../../stream/ethereum/rlp.ts";
import { type Content, receiptItem } from "./content.ts";
import { toHex, toQuantity } from "./hex.ts";
import { blockItem, blockJson, ommersJson } from "./json-block.ts";
import { receiptsJson, tracesJson } from "./json-receipts.ts";

/** The parts of a block that a node is asked for, each the `result` of one RPC method. */
export type Part =
  | "full"
  | "thin"
  | "receipts"
  | "traces"
  | "ommers"
  | "rawBlock"
  | "rawHeader"
  | "rawReceipts";

/** A block as a node serves it. `answer` is the JSON text of a result; undefined where this block has none. */
export interface ServedBlock extends BlockHeader {
  /** The parent, where the node has it. */
  readonly before: ServedBlock | undefined;
  answer(part: Part): Buffer | undefined;
}

/** The JSON text of one part of `content`; undefined where it has none. */
export function render(content: Content, part: Part): Buffer | undefined {
  const value = partOf(content, part);
  return value === undefined ? undefined : Buffer.from(JSON.stringify(value));
}

/** One part of `content` as a value that prints as the RPC's result. */
export function partOf(content: Content, part: Part): unknown {
  const labels = content.receiptLabels;
  const own = { ...labels, hash: content.hash };
  switch (part) {
    case "full":
    case "thin":
      return blockJson(content, own, part === "full");
    case "receipts":
      return receiptsJson(content, labels);
    case "traces":
      return tracesJson(content);
    case "ommers":
      return ommersJson(content);
    case "rawBlock":
      return toHex(encodeRlp(blockItem(content)));
    case "rawHeader":
      return toHex(encodeRlp(content.header));
    case "rawReceipts":
      return rawReceipts(content);
  }
}

/** The receipts as `debug_getRawReceipts` prints them: each one's consensus bytes. */
function rawReceipts(content: Content): readonly string[] {
  return content.receipts.map((receipt) => {
    const item = receiptItem(receipt);
    return toHex(item instanceof Uint8Array ? item : encodeRlp(item));
  });
}

/** How the RPC prints a block's place. */
export function labelsOf(header: BlockHeader): Content["receiptLabels"] {
  return { hash: header.hash, number: toQuantity(header.height), time: toQuantity(header.time) };
}
