import { encodeRlp, uintBytes } from "../../stream/ethereum/rlp.ts";
import { type ChainBlock, grow } from "./chain.ts";
import { type Content, HEADER, headerHash, type Log, type Receipt } from "./content.ts";
import { toInteger } from "./hex.ts";
import { type Part, partOf, render } from "./served.ts";

/** What a lying node says of a block: answers of the right form that are not the block asked for. */
export const LIES = [
  "missing log",
  "extra log",
  "altered log",
  "altered amount",
  "dropped receipt",
  "doubled receipt",
  "receipts of a fork",
  "receipts of a fork, relabelled",
  "wrong sender",
  "null block",
  "null receipts",
  "null traces",
  "wrong parent",
  "wrong hash",
  "wrong height",
  "swapped transactions",
  "missing field",
  "hashes for transactions",
  "traces of another block",
] as const;
export type Lie = (typeof LIES)[number];

/** The part of `block` as a node prints it that tells this lie; undefined where the block has no such part. */
export function tell(lie: Lie, block: ChainBlock, part: Part): Buffer | undefined {
  const silent = silenced(lie, part);
  if (silent) return Buffer.from("null");
  if (lie === "hashes for transactions" && part === "full") return block.answer("thin");
  if (lie === "missing field") return withoutField(block.content, part);
  if (isRivals(lie, part)) return rivalOf(block).answer(part);
  return render(distort(lie, block), part);
}

function silenced(lie: Lie, part: Part): boolean {
  switch (lie) {
    case "null block":
      return part === "full" || part === "thin" || part === "rawBlock" || part === "rawHeader";
    case "null receipts":
      return part === "receipts" || part === "rawReceipts";
    case "null traces":
      return part === "traces";
    default:
      return false;
  }
}

/** Whether a sibling's own answer stands in for ours. */
function isRivals(lie: Lie, part: Part): boolean {
  if (lie === "traces of another block") return part === "traces";
  return lie === "receipts of a fork" && (part === "receipts" || part === "rawReceipts");
}

function distort(lie: Lie, block: ChainBlock): Content {
  const { content } = block;
  switch (lie) {
    case "missing log":
      return withLogs(content, (logs) => logs.slice(1));
    case "extra log":
      return withLogs(content, ([first, ...rest]) => (first === undefined ? [] : [first, first, ...rest]));
    case "altered log":
      return withLogs(content, ([first, ...rest]) => [
        ...(first === undefined ? [] : [retopiced(first)]),
        ...rest,
      ]);
    case "altered amount":
      return withAmount(content);
    case "dropped receipt":
      return { ...content, receipts: content.receipts.slice(0, -1) };
    case "doubled receipt":
      return {
        ...content,
        receipts: content.receipts.flatMap((one, index) => (index === 0 ? [one, one] : [one])),
      };
    case "receipts of a fork, relabelled":
      return { ...content, receipts: rivalOf(block).content.receipts };
    case "wrong sender":
      return withSender(content);
    case "swapped transactions":
      return withSwap(content);
    default:
      return withHeader(lie, block);
  }
}

function withHeader(lie: Lie, { content }: ChainBlock): Content {
  const header = [...content.header];
  switch (lie) {
    case "wrong parent":
      header[HEADER.parentHash] = flipped(content.header[HEADER.parentHash]);
      return { ...content, header };
    case "wrong height":
      header[HEADER.number] = uintBytes(toInteger(content.header[HEADER.number] ?? new Uint8Array()) + 1n);
      return { ...content, header };
    case "wrong hash":
      // A block that agrees with itself, and is not the one that was asked for.
      header[HEADER.stateRoot] = flipped(content.header[HEADER.stateRoot]);
      return { ...content, header, hash: headerHash(header) };
    default:
      return content;
  }
}

/** Changes the logs of the first receipt that has any. */
function withLogs(content: Content, change: (logs: readonly Log[]) => readonly Log[]): Content {
  const first = content.receipts.findIndex((receipt) => receipt.logs.length > 0);
  return withReceipt(content, first, (receipt) => ({ ...receipt, logs: change(receipt.logs) }));
}

function withReceipt(content: Content, which: number, change: (receipt: Receipt) => Receipt): Content {
  return {
    ...content,
    receipts: content.receipts.map((one, index) => (index === which ? change(one) : one)),
  };
}

function retopiced(log: Log): Log {
  return {
    ...log,
    topics: log.topics.map((topic, index) => (index === log.topics.length - 1 ? flipped(topic) : topic)),
  };
}

/** Another amount in the first log of 32 bytes of data: what an ERC-20 transfer says. */
function withAmount(content: Content): Content {
  const isAmount = (log: Log) => log.data.length === 32;
  const first = content.receipts.findIndex((receipt) => receipt.logs.some(isAmount));
  return withReceipt(content, first, (receipt) => {
    const at = receipt.logs.findIndex(isAmount);
    const logs = receipt.logs.map((log, index) => (index === at ? { ...log, data: flipped(log.data) } : log));
    return { ...receipt, logs };
  });
}

function withSender(content: Content): Content {
  const other = `0x${"5e".repeat(20)}`;
  return {
    ...content,
    transactions: content.transactions.map((tx, index) => (index === 0 ? { ...tx, sender: other } : tx)),
  };
}

function withSwap(content: Content): Content {
  const [first, second, ...rest] = content.transactions;
  return first === undefined || second === undefined
    ? content
    : { ...content, transactions: [second, first, ...rest] };
}

function withoutField(content: Content, part: Part): Buffer | undefined {
  const value = partOf(content, part);
  switch (part) {
    case "full":
    case "thin":
      return without(value as object, "receiptsRoot");
    case "receipts":
      return Buffer.from(JSON.stringify((value as object[]).map((receipt) => omitted(receipt, "logsBloom"))));
    case "rawBlock":
    case "rawHeader":
      return render({ ...content, header: content.header.slice(0, -1) }, part);
    case "rawReceipts":
      return Buffer.from(JSON.stringify(content.receipts.map(bareReceipt)));
    case "ommers":
      return Buffer.from(JSON.stringify((value as object[]).map((header) => omitted(header, "miner"))));
    case "traces":
      return value === undefined
        ? undefined
        : Buffer.from(JSON.stringify((value as object[]).map((one) => omitted(one, "result"))));
  }
}

/** A receipt without its bloom. */
function bareReceipt(receipt: Receipt): string {
  return `0x${Buffer.from(encodeRlp([receipt.outcome, receipt.cumulativeGas, []])).toString("hex")}`;
}

function without(value: object, field: string): Buffer {
  return Buffer.from(JSON.stringify(omitted(value, field)));
}

function omitted(value: object, field: string): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field));
}

/** A sibling of `block` with another body: the same height on a fork. */
function rivalOf(block: ChainBlock): ChainBlock {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const rival =
      block.before === undefined
        ? grow(block, 1, `rival ${attempt}`)
        : grow(block.before, 1, `rival ${attempt}`);
    if (rival.body !== block.body) return rival;
  }
  throw new RangeError("a chain of one body has no rival: let it have more bodies");
}

/** Other bytes of the same length. */
function flipped(bytes: Uint8Array | undefined): Uint8Array {
  const other = Uint8Array.from(bytes ?? []);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  return other;
}
