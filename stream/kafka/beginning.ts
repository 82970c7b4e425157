import { blockHeaderOf } from "./block-record.ts";
import type { Broker, KafkaRecord } from "./broker.ts";
import type { StageContext } from "./stage.ts";
import { readBetween } from "./tail.ts";

/** `--until` names a height below the chain's first block: a stage would wait for it for ever. Ends it with exit code 2. */
export class UntilBelowBeginning extends Error {
  override readonly name = "UntilBelowBeginning";
  readonly begins: number;
  readonly until: number;
  constructor(at: { begins: number; until: number }) {
    const { begins, until } = at;
    super(
      `the chain begins at ${begins}, above --until ${until}: name a height from ${begins} on, or a lower "start" in the config; once it has begun, that takes another chain name`,
    );
    this.begins = begins;
    this.until = until;
  }
}

/** The height of the block that a record is of. */
export type HeightOf = (record: KafkaRecord) => number;

/** As raw and final tell it. Throws `RecordInvalid`. */
export const headerHeight: HeightOf = (record) => blockHeaderOf(record).height;

/** The height that a topic of blocks begins with; undefined: it is empty, or its beginning is not kept any more. */
export async function firstHeight(
  broker: Broker,
  topic: string,
  heightOf: HeightOf,
): Promise<number | undefined> {
  const { low, high } = await broker.bounds(topic);
  if (low > 0 || high === 0) return undefined;
  for await (const record of readBetween(broker, { topic, from: low, to: high, maxBytes: 1 }))
    return heightOf(record);
  return undefined;
}

/** For a stage that is not past `until`: throws `UntilBelowBeginning` where its input tells that it never will be. */
export async function refuseBelowBeginning(
  { until, broker }: StageContext,
  topic: string,
  heightOf = headerHeight,
): Promise<void> {
  if (until === undefined) return;
  const begins = await firstHeight(broker, topic, heightOf);
  if (begins !== undefined && begins > until) throw new UntilBelowBeginning({ begins, until });
}
