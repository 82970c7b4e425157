import type { BlockHeader } from "../block.ts";
import { flowsFromJson } from "../flow/json.ts";
import type { BlockFlows } from "../flow/leg.ts";
import { textOf } from "./block-record.ts";
import type { Broker } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";
import { isRewind, rewindsOf } from "./rewind-record.ts";
import { readBetween } from "./tail.ts";

/** Offsets of a first look back: an hour of Ethereum's blocks and more. */
const FIRST_WINDOW = 512;
const WIDENING = 4;

/** A block that a chain was put back to. */
export type RewoundTo = Pick<BlockHeader, "height" | "time">;

/** Rewinds by number, counted from 1: those after `since`, up to `to`. */
export interface Rewinds {
  readonly since: number;
  readonly to: number;
}

/**
 * The lowest block that some of a chain's rewinds went back to, as its flows topic tells, which keeps all records.
 * Throws `OffsetOutOfRange` where it lost one of them.
 */
export async function lowestRewind(
  broker: Broker,
  flows: string,
  { since, to }: Rewinds,
): Promise<RewoundTo> {
  const { low, high } = await broker.bounds(flows);
  for (let window = FIRST_WINDOW; ; window *= WIDENING) {
    const from = Math.max(low, high - window);
    const found: BlockFlows[] = [];
    let first: number | undefined;
    for await (const record of readBetween(broker, { topic: flows, from, to: high })) {
      const number = isRewind(record) ? rewindsOf(record) : 0;
      if (number <= since || number > to) continue;
      first ??= number;
      found.push(flowsFromJson(textOf(record)));
    }
    if (first === since + 1) return found.reduce((one, other) => (other.height < one.height ? other : one));
    if (from === low) throw new OffsetOutOfRange(flows, low - 1);
  }
}
