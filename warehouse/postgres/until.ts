import { flowsFromJson, markFromJson, WATERMARK_KEY } from "../../stream/flow/json.ts";
import { blockHeaderOf, textOf } from "../../stream/kafka/block-record.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { unreachable } from "../../stream/unreachable.ts";
import type { TopicKind } from "./staging.ts";

/**
 * The records of a batch that belong to blocks up to height `until`.
 * Exchange flows: up to the mark of that height; where compaction took it, up to the first mark above it, since rows that
 * stand before a mark can't be told apart any more. Reorgs are not cut.
 */
export function cutAt(
  kind: TopicKind,
  records: readonly KafkaRecord[],
  until: number,
): readonly KafkaRecord[] {
  switch (kind) {
    case "final":
      return cutBlocks(records, until, (record) => blockHeaderOf(record).height);
    case "flows":
      return cutBlocks(records, until, (record) => flowsFromJson(textOf(record)).height);
    case "exchangeFlows":
      return cutAfterMark(records, until);
    case "reorgs":
      return records;
    default:
      return unreachable(kind);
  }
}

/** One record a block, heights without gap: the last one tells where to cut. */
function cutBlocks(
  records: readonly KafkaRecord[],
  until: number,
  heightOf: (record: KafkaRecord) => number,
): readonly KafkaRecord[] {
  const last = records.at(-1);
  const excess = last === undefined ? 0 : heightOf(last) - until;
  return excess <= 0 ? records : records.slice(0, Math.max(0, records.length - excess));
}

function cutAfterMark(records: readonly KafkaRecord[], until: number): readonly KafkaRecord[] {
  for (const [at, record] of records.entries()) {
    if (record.key !== WATERMARK_KEY) continue;
    const mark = markFromJson(textOf(record));
    if (until < mark.firstHeight) return [];
    if (mark.height >= until) return records.slice(0, at + 1);
  }
  return records;
}
