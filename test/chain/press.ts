import { encodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import { blobParametersAt } from "./blob-fee.ts";
import type { Body } from "./bodies.ts";
import { type Content, type Labels, transactionItem } from "./content.ts";
import { toHex, toInteger } from "./hex.ts";
import { blockFrame, transactionsJson } from "./json-block.ts";
import { receiptsJson } from "./json-receipts.ts";
import { labelsOf, type Part, render, type ServedBlock } from "./served.ts";
import { placeholders, stamp, stampBetween, type Template, templateOf } from "./template.ts";

/** What all blocks of one body and one length of labels share, printed once. */
interface Plates {
  readonly transactions: Template;
  readonly receipts: Template;
  readonly hashes: Template;
  readonly traces: Buffer | undefined;
  readonly rawReceipts: Buffer | undefined;
  /** The block's list without its header: hex, and its length in bytes. */
  readonly rawRest: { readonly hex: string; readonly length: number };
}

const printed = new WeakMap<Body, Map<string, Plates>>();

/** Answers like `render`, byte for byte, from plates: what differs from block to block is stamped in. */
export function press(block: ServedBlock, body: Body, content: Content, part: Part): Buffer | undefined {
  const labels = labelsOf(block);
  const plates = platesOf(body, content, labels);
  switch (part) {
    case "full":
      return withTransactions(content, plates, plates.transactions);
    case "thin":
      return withTransactions(content, plates, plates.hashes);
    case "receipts":
      return stamp(plates.receipts, labels);
    case "traces":
      return plates.traces;
    case "rawReceipts":
      return plates.rawReceipts;
    case "rawBlock":
      return Buffer.from(rawBlock(content, plates), "latin1");
    case "ommers":
    case "rawHeader":
      return render(content, part);
  }
}

function withTransactions(content: Content, plates: Plates, transactions: Template): Buffer {
  const body = encodeRlp(content.header).length + plates.rawRest.length;
  const frame = JSON.stringify(blockFrame(content, listPrefix(body).length + body));
  const around = { before: `${frame.slice(0, -1)},"transactions":`, after: "}" };
  return stampBetween(around, transactions, content.receiptLabels);
}

function rawBlock(content: Content, plates: Plates): string {
  const header = encodeRlp(content.header);
  const prefix = listPrefix(header.length + plates.rawRest.length);
  return `"${toHex(prefix)}${toHex(header).slice(2)}${plates.rawRest.hex}"`;
}

/** The prefix of a long list (yellow paper, appendix B): blocks are all longer than 55 bytes. */
function listPrefix(length: number): Uint8Array {
  const digits = Buffer.from(length.toString(16).padStart(8, "0"), "hex");
  const shortest = digits.subarray(digits.findIndex((byte) => byte !== 0));
  return Uint8Array.of(0xf7 + shortest.length, ...shortest);
}

function platesOf(body: Body, content: Content, labels: Labels): Plates {
  const fraction = blobParametersAt(
    Number(toInteger(Buffer.from(labels.time.slice(2).padStart(16, "0"), "hex"))),
  );
  const key = [labels.number.length, labels.time.length, fraction.time].join();
  const ofBody = printed.get(body) ?? new Map<string, Plates>();
  printed.set(body, ofBody);
  const plates = ofBody.get(key) ?? printPlates(content, labels);
  ofBody.set(key, plates);
  return plates;
}

function printPlates(content: Content, labels: Labels): Plates {
  const holes = placeholders(labels);
  const rest: RlpItem[] = [content.transactions.map(transactionItem), content.ommers];
  if (content.withdrawals !== undefined) rest.push(content.withdrawals);
  const restBytes = Buffer.concat(rest.map(encodeRlp));
  return {
    transactions: templateOf(JSON.stringify(transactionsJson(content, holes)), holes),
    receipts: templateOf(JSON.stringify(receiptsJson(content, holes)), holes),
    hashes: templateOf(JSON.stringify(content.transactions.map((tx) => tx.hash)), holes),
    traces: render(content, "traces"),
    rawReceipts: render(content, "rawReceipts"),
    rawRest: { hex: restBytes.toString("hex"), length: restBytes.length },
  };
}
