import { announcementOf } from "../stream/kafka/block-record.ts";
import type { Broker } from "../stream/kafka/broker.ts";
import { readBetween } from "../stream/kafka/tail.ts";
import { advance, NO_PROGRESS, type Progress } from "./announce.ts";

/** How many offsets of raw's tail are read at a start: more than the confirmations of any sane policy. */
export const RECALL_OFFSETS = 256;
/** How much is held at once while reading: block bodies come along with the headers. */
const READ_BYTES = 8 * 1024 * 1024;

/** What the newest `offsets` offsets of raw say of ingest's progress. */
export async function recallProgress(broker: Broker, raw: string, offsets: number): Promise<Progress> {
  const { low, high } = await broker.bounds(raw);
  const from = Math.max(low, high - offsets);
  let progress: Progress = { ...NO_PROGRESS, rooted: from === low };
  for await (const record of readBetween(broker, { topic: raw, from, to: high, maxBytes: READ_BYTES })) {
    const { offset: _, finalized, ...header } = announcementOf(record);
    progress = advance(progress, { header, finalized }, offsets);
  }
  return progress;
}
