import type { BlockHeader } from "../stream/block.ts";
import { flowsFromJson, markFromJson, WATERMARK_KEY } from "../stream/flow/json.ts";
import type { WatermarkMark } from "../stream/flow/leg.ts";
import { blockHeaderOf, textOf } from "../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord } from "../stream/kafka/broker.ts";
import { TopicMissing } from "../stream/kafka/errors.ts";
import { readTail } from "../stream/kafka/tail.ts";

/** The block of the newest record of a raw or final topic; undefined when it has none. */
export async function lastBlock(broker: Broker, topic: string): Promise<BlockHeader | undefined> {
  return lastOf(broker, topic, blockHeaderOf);
}

/** The height of the newest block whose flows stand in the flows topic. */
export async function lastFlowsHeight(broker: Broker, topic: string): Promise<number | undefined> {
  return lastOf(broker, topic, (record) => flowsFromJson(textOf(record)).height);
}

/** The mark of the newest block whose hours stand in the exchange-flows topic: it is the last record of its transaction. */
export async function lastMark(broker: Broker, topic: string): Promise<WatermarkMark | undefined> {
  return lastOf(broker, topic, (record) =>
    record.key === WATERMARK_KEY ? markFromJson(textOf(record)) : undefined,
  );
}

/** A topic that no stage has made yet has no last record. */
async function lastOf<T>(
  broker: Broker,
  topic: string,
  pick: (record: KafkaRecord) => T,
): Promise<T | undefined> {
  try {
    return (await readTail(broker, topic, 1, pick)).at(-1);
  } catch (error) {
    if (error instanceof TopicMissing) return undefined;
    throw error;
  }
}
