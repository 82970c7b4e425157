import type { BlockHeader } from "../block.ts";
import { flowsToJson, RecordInvalid } from "../flow/json.ts";
import { RAW_NEXT_HEADER } from "./block-record.ts";
import type { KafkaRecord, OutgoingRecord } from "./broker.ts";

/**
 * A rewind is a record: in final and in flows, one of key `rewind` says that what stands before it above its height is taken
 * back, and that the chain goes on from there. Nothing is erased, so every offset stays what it was.
 */
const REWIND_KEY = "rewind";

/** Of a record of final, flows or a mark: how many rewinds its chain had when it was written; absent: none. */
const REWINDS_HEADER = "rewinds";

/** Of a record of exchange flows: the rewind that wrote it, to take an hour back or to say it as it was. */
const TAKEN_BACK_HEADER = "taken-back";

/** Where a record stands among a chain's outcomes: after a rewind heights begin anew. */
export interface Standing {
  readonly rewinds: number;
  readonly height: number;
}

/** Whether a record of final or flows takes back what stands above its height. */
export function isRewind(record: Pick<KafkaRecord, "key">): boolean {
  return record.key === REWIND_KEY;
}

/** How many rewinds a record of final, flows, or a mark counts. Throws `RecordInvalid`. */
export function rewindsOf(record: Pick<KafkaRecord, "topic" | "offset" | "headers">): number {
  return count(record, REWINDS_HEADER);
}

/** The rewind by which a record of exchange flows was written; 0: none, a block wrote it. Throws `RecordInvalid`. */
export function takenBackBy(record: Pick<KafkaRecord, "topic" | "offset" | "headers">): number {
  return count(record, TAKEN_BACK_HEADER);
}

/** Whether the outcome of a block is there already, where `last` is the last one that stands. */
export function stands(block: Standing, last: Standing | undefined): boolean {
  if (last === undefined || block.rewinds > last.rewinds) return false;
  return block.rewinds < last.rewinds || block.height <= last.height;
}

/** The headers, to be added to others, by which a record counts `rewinds`. */
export function rewindHeaders(rewinds: number): Readonly<Record<string, string>> {
  return rewinds === 0 ? {} : { [REWINDS_HEADER]: String(rewinds) };
}

/** The headers of a record of exchange flows that rewind number `rewinds` writes. */
export function takenBackHeaders(rewinds: number): Readonly<Record<string, string>> {
  return { ...rewindHeaders(rewinds), [TAKEN_BACK_HEADER]: String(rewinds) };
}

/** What a rewind goes back to, and how it goes on from there. */
export interface RewindGoal {
  readonly header: BlockHeader;
  /** Of the block's own record in final. */
  readonly headers: Readonly<Record<string, string>>;
  /** Counts the chain's rewinds from 1. */
  readonly rewinds: number;
  /** The offset of raw from which the gate goes on. */
  readonly rawNext: number;
}

/** A rewind in final: it has the headers of the block that the chain goes on from, and no body. */
export function finalRewind(topic: string, goal: RewindGoal): OutgoingRecord {
  const { header, headers, rewinds, rawNext } = goal;
  const { height, hash } = header;
  return {
    topic,
    key: REWIND_KEY,
    value: Buffer.from(JSON.stringify({ rewind: rewinds, height, hash })),
    headers: { ...headers, [RAW_NEXT_HEADER]: String(rawNext), ...rewindHeaders(rewinds) },
  };
}

/** Rewind number `rewinds` in flows: the record of the block that the chain goes on from, without its flows. */
export function flowsRewind(topic: string, block: BlockHeader, rewinds: number): OutgoingRecord {
  const { height, hash, time } = block;
  const nothing = { watermark: null, labelVersion: "none", legs: [], fees: [] };
  return {
    topic,
    key: REWIND_KEY,
    value: Buffer.from(flowsToJson({ height, hash, time, ...nothing })),
    headers: rewindHeaders(rewinds),
  };
}

/** What of `blocks`, in the order of their topic, was not taken back: where a height comes again, it and all above went before. */
export function keptOf<T extends { readonly height: number }>(blocks: readonly T[]): readonly T[] {
  const kept: T[] = [];
  for (const block of blocks) {
    while ((kept.at(-1)?.height ?? -1) >= block.height) kept.pop();
    kept.push(block);
  }
  return kept;
}

function count(
  { topic, offset, headers }: Pick<KafkaRecord, "topic" | "offset" | "headers">,
  name: string,
): number {
  const text = headers[name] ?? "0";
  if (!/^\d{1,9}$/.test(text)) {
    throw new RecordInvalid(
      `the record at offset ${offset} of ${topic} has a header ${name} that is no count`,
    );
  }
  return Number(text);
}
