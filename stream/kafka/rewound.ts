import type { BlockHeader } from "../block.ts";
import { flowsFromJson } from "../flow/json.ts";
import type { BlockFlows } from "../flow/leg.ts";
import { textOf } from "./block-record.ts";
import type { Broker } from "./broker.ts";
import { OffsetOutOfRange } from "./errors.ts";
import { isRewind, rewindsOf } from "./rewind-record.ts";
import { lookBack, type Range, readBetween } from "./tail.ts";

/** Offsets of a first look back: an hour of Ethereum's blocks and more. */
const FIRST_WINDOW = 512;

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
export async function lowestRewind(broker: Broker, flows: string, rewinds: Rewinds): Promise<RewoundTo> {
  const { low, high } = await broker.bounds(flows);
  const lowest = await lookBack(
    { low, high, window: FIRST_WINDOW },
    (from) => lowestBetween(broker, { topic: flows, from, to: high }, rewinds),
    (found) => found !== undefined,
  );
  if (lowest === undefined) throw new OffsetOutOfRange(flows, low - 1);
  return lowest;
}

/** Undefined: not all of the rewinds stand there. */
async function lowestBetween(
  broker: Broker,
  range: Range,
  { since, to }: Rewinds,
): Promise<RewoundTo | undefined> {
  const found: BlockFlows[] = [];
  let first: number | undefined;
  for await (const record of readBetween(broker, range)) {
    const number = isRewind(record) ? rewindsOf(record) : 0;
    if (number <= since || number > to) continue;
    first ??= number;
    found.push(flowsFromJson(textOf(record)));
  }
  if (first !== since + 1) return undefined;
  return found.reduce((one, other) => (other.height < one.height ? other : one));
}
