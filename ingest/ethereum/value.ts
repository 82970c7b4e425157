import { listItems, RlpInvalid } from "../../stream/ethereum/rlp.ts";
import { type BlockParts, envelopeOf, readBlock, stringOf } from "./parts.ts";
import { closeList, closeString, openTape, putRaw, putString, written } from "./tape.ts";

/** A raw record's value, taken apart. */
export interface RawValue {
  readonly parts: BlockParts;
  /** 20 bytes a transaction. */
  readonly senders: Uint8Array;
  /** The encoded list of traces; undefined where they were not ingested. */
  readonly traces: Uint8Array | undefined;
}

/** Room for the headers of the lists and strings that hold the parts. */
const HEADERS = 64;
/** The longest header of a byte string in a message of at most 32 MiB. */
const STRING_HEADER = 5;

/** The value of a raw record (`ethereum.v1`): the list of block, receipts, senders and, where they are ingested, traces. */
export function encodeValue({ parts, senders, traces }: RawValue): Uint8Array {
  const receiptBytes = parts.receipts.reduce((sum, one) => sum + one.length + STRING_HEADER, 0);
  const tape = openTape(parts.block.length + receiptBytes + senders.length + (traces?.length ?? 0) + HEADERS);
  if (traces !== undefined) putRaw(tape, traces);
  putString(tape, senders);
  putReceipts(tape, parts.receipts);
  putRaw(tape, parts.block);
  closeList(tape, 0);
  return written(tape, 0);
}

/** Takes a raw record's value apart. Throws `RlpInvalid`. */
export function decodeValue(value: Uint8Array): RawValue {
  const [block, receipts, senders, traces, more] = listItems(value);
  if (block === undefined || receipts === undefined || senders === undefined || more !== undefined) {
    throw new RlpInvalid("a raw record has three or four parts", 0);
  }
  const parts = { ...readBlock(block), receipts: listItems(receipts).map(envelopeOf) };
  return { parts, senders: stringOf(senders), traces };
}

function putReceipts(tape: ReturnType<typeof openTape>, receipts: readonly Uint8Array[]): void {
  const mark = tape.used;
  for (const receipt of receipts.toReversed()) {
    const before = tape.used;
    putRaw(tape, receipt);
    if ((receipt[0] ?? 0) < 0xc0) closeString(tape, before);
  }
  closeList(tape, mark);
}
