import { headerHeight } from "../stream/kafka/beginning.ts";
import { announcementOf, rawNextOf } from "../stream/kafka/block-record.ts";
import type { StageContext } from "../stream/kafka/stage.ts";
import { readBetween, readLast } from "../stream/kafka/tail.ts";
import { advance, NO_PROGRESS, type Progress } from "./announce.ts";

/** How many offsets of raw's tail are read at a start: more than the confirmations of any sane policy. */
export const RECALL_OFFSETS = 256;
/** How much is held at once while reading: block bodies come along with the headers. */
const READ_BYTES = 8 * 1024 * 1024;

/**
 * What the newest `offsets` offsets of raw say of ingest's progress. What stands below the offset at which the gate goes on
 * makes nothing final any more: a branch among it may have been passed over by a rewind.
 */
export async function recallProgress(
  { broker, topics }: Pick<StageContext, "broker" | "topics">,
  offsets: number,
): Promise<Progress> {
  const newest = await readLast(broker, topics.final);
  const released = newest === undefined ? undefined : headerHeight(newest);
  const gateNext = newest === undefined ? 0 : (rawNextOf(newest) ?? 0);
  const { low, high } = await broker.bounds(topics.raw);
  const from = Math.max(low, high - offsets);
  const range = { topic: topics.raw, from, to: high, maxBytes: READ_BYTES };
  let progress: Progress = { ...NO_PROGRESS, rooted: from === low, released };
  for await (const record of readBetween(broker, range)) {
    const { offset, finalized, ...header } = announcementOf(record);
    progress = advance(progress, { header, finalized }, offsets);
    if (offset < gateNext) progress = { ...progress, highest: undefined, finalized: undefined };
  }
  return progress;
}
