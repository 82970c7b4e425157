import type { BodyTx } from "./bodies.ts";
import { type Output, spentBytes } from "./bytes.ts";
import { blockBytes, type ChainBlock, grow } from "./chain.ts";
import type { Pressed } from "./mint.ts";

/** What a lying node says of a block: answers of the right form that are not the block asked for. */
export const LIES = [
  "flipped header",
  "flipped transaction",
  "flipped witness",
  "doubled tail",
  "dropped transaction",
  "missing spent output",
  "extra spent output",
  "shifted spent output",
  "another block's spent outputs",
  "cut off",
  "cut off spent outputs",
  "trailing bytes",
  "trailing spent outputs",
  "another block",
] as const;
export type Lie = (typeof LIES)[number];

/** A block's bytes as REST sends them. */
export interface RestBytes {
  readonly block: Buffer;
  readonly spent: Buffer;
}

/** The block that stands in for `block` where the lie is told. */
export function distort(lie: Lie, block: ChainBlock): ChainBlock {
  const { body } = block;
  const [first, second, ...rest] = body.transactions;
  switch (lie) {
    case "flipped header":
      return { ...block, header: flipped(block.header, 40) };
    case "another block":
      return rivalOf(block);
    case "another block's spent outputs":
      return { ...block, body: { ...body, spent: rivalOf(block).body.spent } };
    case "flipped transaction":
      return withBody(block, [
        ...altered(first, (tx) => flipped(tx.bytes, tx.bytes.length - 1)),
        ...body.transactions.slice(1),
      ]);
    case "flipped witness":
      return withBody(block, body.transactions.map(flippedWitness));
    case "doubled tail":
      return withBody(block, doubledTail(body.transactions));
    case "dropped transaction":
      return withBody(block, body.transactions.slice(0, -1));
    case "missing spent output":
      return withBody(block, [...spending(first, (spent) => spent.slice(1)), ...body.transactions.slice(1)]);
    case "extra spent output":
      return withBody(block, [
        ...spending(first, (spent) => [...spent, ...spent.slice(0, 1)]),
        ...body.transactions.slice(1),
      ]);
    case "shifted spent output":
      return withBody(block, [
        ...spending(first, (spent) => [...spent, ...(second?.spent ?? []).slice(0, 1)]),
        ...spending(second, (spent) => spent.slice(1)),
        ...rest,
      ]);
    default:
      return block;
  }
}

/** The bytes that REST sends where the lie is told. */
export function distortBytes(lie: Lie | undefined, block: ChainBlock): RestBytes {
  const told = lie === undefined ? block : distort(lie, block);
  const bytes = { block: blockBytes(told), spent: told.body.spent };
  switch (lie) {
    case "cut off":
      return { ...bytes, block: bytes.block.subarray(0, -1) };
    case "cut off spent outputs":
      return { ...bytes, spent: bytes.spent.subarray(0, -1) };
    case "trailing bytes":
      return { ...bytes, block: Buffer.concat([bytes.block, Buffer.of(0)]) };
    case "trailing spent outputs":
      return { ...bytes, spent: Buffer.concat([bytes.spent, Buffer.of(0)]) };
    default:
      return bytes;
  }
}

function withBody(block: ChainBlock, transactions: readonly BodyTx[]): ChainBlock {
  const body: Pressed = {
    ...block.body,
    transactions,
    bytes: Buffer.concat(transactions.map((tx) => tx.bytes)),
    spent: spentBytes([[], ...transactions.map((tx) => tx.spent)]),
  };
  return { ...block, body };
}

function altered(tx: BodyTx | undefined, change: (tx: BodyTx) => Uint8Array): readonly BodyTx[] {
  return tx === undefined ? [] : [{ ...tx, bytes: change(tx) }];
}

function spending(
  tx: BodyTx | undefined,
  change: (spent: readonly Output[]) => readonly Output[],
): readonly BodyTx[] {
  return tx === undefined ? [] : [{ ...tx, spent: change(tx.spent) }];
}

/** The last byte before the lock time belongs to the last witness, where there is one. */
function flippedWitness(tx: BodyTx): BodyTx {
  return tx.hasWitness ? { ...tx, bytes: flipped(tx.bytes, tx.bytes.length - 5) } : tx;
}

/** CVE-2012-2459: the last transactions once more, so many that the root stays the same; unchanged where none would do. */
function doubledTail(transactions: readonly BodyTx[]): readonly BodyTx[] {
  const count = transactions.length + 1;
  let tail = 1;
  while ((count / tail) % 2 === 0) tail *= 2;
  return tail === count ? transactions : [...transactions, ...transactions.slice(-tail)];
}

/** A sibling of `block` with another body: the same height on a fork. */
function rivalOf(block: ChainBlock): ChainBlock {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const rival = grow(block.before ?? block, 1, `rival ${attempt}`);
    if (rival.body !== block.body) return rival;
  }
  throw new RangeError("a chain of one body has no rival: let it have more bodies");
}

function flipped(bytes: Uint8Array, at: number): Buffer {
  const other = Buffer.from(bytes);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
}
