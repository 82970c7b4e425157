import type { Address, BlockHash, ChainName } from "../../../stream/block.ts";
import { type AssetRow, type LabelBook, type LabelRow, openBook } from "../../../stream/flow/labels.ts";
import type { FinalBlock } from "../../../stream/flow/rule.ts";

/** All proofs that a Bitcoin block can have. */
export const ALL_PROOFS = ["header", "work", "merkle", "witness", "height", "spent", "coinbase"];
export const BITCOIN = "bitcoin" as ChainName;

/** An output of a story; `value` in satoshi. */
export interface OutputStory {
  readonly value: number;
  readonly script: Uint8Array;
}

/** A transaction of a story: the outputs that it spends, and those that it makes. */
export interface TransactionStory {
  readonly spends: readonly OutputStory[];
  readonly outputs: readonly OutputStory[];
  readonly witness?: boolean;
}

export interface BlockStory {
  readonly coinbase: readonly OutputStory[];
  readonly transactions?: readonly TransactionStory[];
  readonly time?: number;
}

/** A count or length as Bitcoin writes it. */
export function compactSize(size: number): Buffer {
  if (size < 0xfd) return Buffer.of(size);
  const long = Buffer.alloc(size > 0xffff ? 5 : 3);
  long[0] = size > 0xffff ? 0xfe : 0xfd;
  if (size > 0xffff) long.writeUInt32LE(size, 1);
  else long.writeUInt16LE(size, 1);
  return long;
}

/** A list with its count in front. */
export function counted(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([compactSize(items.length), ...items]);
}

/** Bytes with their length in front. */
export function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([compactSize(bytes.length), bytes]);
}

/** An output as transactions and spent outputs hold it. */
export function outputBytes({ value, script }: OutputStory): Buffer {
  const amount = Buffer.alloc(8);
  amount.writeBigInt64LE(BigInt(value));
  return Buffer.concat([amount, sized(script)]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function inputBytes(prevout: Uint8Array): Buffer {
  return Buffer.concat([prevout, sized(Buffer.of(0x51)), word(0xffffffff)]);
}

const NULL_PREVOUT = Buffer.concat([Buffer.alloc(32), word(0xffffffff)]);

function transactionBytes(
  prevouts: readonly Uint8Array[],
  { outputs, witness = false }: Pick<TransactionStory, "outputs" | "witness">,
): Buffer {
  return Buffer.concat([
    word(2),
    witness ? Buffer.of(0, 1) : Buffer.alloc(0),
    counted(prevouts.map(inputBytes)),
    counted(outputs.map(outputBytes)),
    ...(witness ? prevouts.map(() => counted([sized(Buffer.alloc(32, 7))])) : []),
    word(0),
  ]);
}

function headerBytes(time: number): Buffer {
  return Buffer.concat([
    word(4),
    Buffer.alloc(32, 1),
    Buffer.alloc(32, 2),
    word(time),
    word(0x207fffff),
    word(9),
  ]);
}

/** The block of a story; prevouts are made up. */
export function blockBytes({ coinbase, transactions = [], time = 1_700_000_000 }: BlockStory): Buffer {
  const spending = transactions.map((tx, index) => {
    const prevouts = tx.spends.map((_, input) => Buffer.concat([Buffer.alloc(32, index + 1), word(input)]));
    return transactionBytes(prevouts, tx);
  });
  return Buffer.concat([
    headerBytes(time),
    counted([transactionBytes([NULL_PREVOUT], { outputs: coinbase }), ...spending]),
  ]);
}

/** The outputs that a story's block spends, as Bitcoin Core lists them. */
export function spentBytes({ transactions = [] }: BlockStory): Buffer {
  return counted([counted([]), ...transactions.map((tx) => counted(tx.spends.map(outputBytes)))]);
}

/** A story's block as the final topic holds it. */
export function finalStory(
  story: BlockStory,
  { height = 800_000, proofs = ALL_PROOFS }: { height?: number; proofs?: readonly string[] } = {},
): FinalBlock {
  return {
    height,
    hash: `hash of ${height}` as BlockHash,
    parent: `hash of ${height - 1}` as BlockHash,
    time: story.time ?? 1_700_000_000,
    proofs: new Set(proofs),
    headers: {},
    value: Buffer.concat([blockBytes(story), spentBytes(story)]),
  };
}

/** A book in which each address is its exchange's, from `validFrom` on. */
export function bookOf(labels: Readonly<Record<string, string>>, validFrom?: number): LabelBook {
  const rows = Object.entries(labels).map(
    ([address, exchange]): LabelRow => ({
      chain: BITCOIN,
      address: address as Address,
      exchange,
      wallet: "",
      role: "",
      validFrom,
      source: "",
    }),
  );
  const bitcoin: AssetRow = { chain: BITCOIN, asset: "BTC", contract: undefined, decimals: 8 };
  return openBook({ chain: BITCOIN, version: "v1", labels: rows, assets: [bitcoin] });
}
