import type { BlockRef, ChainName } from "../stream/block.ts";
import { FINALIZED_HEADER } from "../stream/kafka/block-record.ts";
import type { OutgoingRecord } from "../stream/kafka/broker.ts";
import type { ProvenBlock } from "./source.ts";

/** The raw record of an announced block: DESIGN §3 names its key and headers. */
export function rawRecord(
  where: { readonly topic: string; readonly chain: ChainName },
  block: ProvenBlock,
  finalized: BlockRef | undefined,
): OutgoingRecord {
  const { header, value, proofs, codec } = block;
  return {
    topic: where.topic,
    key: header.hash,
    value,
    headers: {
      chain: where.chain,
      height: String(header.height),
      hash: header.hash,
      parent: header.parent,
      time: String(header.time),
      ...(finalized === undefined ? {} : { [FINALIZED_HEADER]: `${finalized.height}:${finalized.hash}` }),
      proofs: proofs.join(","),
      codec,
      ...block.headers,
    },
  };
}
