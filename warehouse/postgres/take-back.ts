import type { BlockHeader, ChainName } from "../../stream/block.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { isRewind, takenBackBy } from "../../stream/kafka/rewind-record.ts";
import { unreachable } from "../../stream/unreachable.ts";
import { timestamp } from "../rows.ts";
import type { DbTransaction } from "./client.ts";

/** What a record takes back of a chain's rows, before any rows of its batch are written. */
export type TakenBack =
  | { readonly kind: "blocks"; readonly rewind: number; readonly to: BlockHeader }
  | { readonly kind: "legs"; readonly rewind: number; readonly height: number }
  | { readonly kind: "hours"; readonly rewind: number; readonly rows: readonly HourKey[] };

/** One row of `exchange_flows_hourly`. */
export interface HourKey {
  readonly exchange: string;
  readonly asset: string;
  readonly hour: string;
}

/** Cuts a batch so that what a rewind wrote stands alone: what comes before it is written before anything is taken back. */
export function splitAtRewinds(records: readonly KafkaRecord[]): readonly (readonly KafkaRecord[])[] {
  const parts: KafkaRecord[][] = [];
  let previous: KafkaRecord | undefined;
  for (const record of records) {
    const part = parts.at(-1);
    if (part === undefined || previous === undefined || isCut(previous, record)) parts.push([record]);
    else part.push(record);
    previous = record;
  }
  return parts;
}

/** A rewind is one record of final and flows, and several of exchange flows. */
function isCut(previous: KafkaRecord, record: KafkaRecord): boolean {
  return isRewind(previous) || isRewind(record) || takenBackBy(previous) !== takenBackBy(record);
}

/** What records of exchange flows that stand alone take back: hours by their keys (`exchange|asset|hour`; an asset may hold a bar). */
export function hoursTakenBack(records: readonly KafkaRecord[]): TakenBack | undefined {
  const [first] = records;
  const rewind = first === undefined ? 0 : takenBackBy(first);
  if (rewind === 0) return undefined;
  const rows = records.flatMap(({ key }) => {
    const [start, end] = [key.indexOf("|"), key.lastIndexOf("|")];
    if (start === -1) return [];
    return [{ exchange: key.slice(0, start), asset: key.slice(start + 1, end), hour: key.slice(end + 1) }];
  });
  return { kind: "hours", rewind, rows };
}

/** Takes rows back; they stay in `sluice.taken_back`. */
export async function takeBack(
  dbTransaction: DbTransaction,
  chain: ChainName,
  taken: TakenBack,
): Promise<void> {
  switch (taken.kind) {
    case "blocks": {
      const { height, hash, time } = taken.to;
      await dbTransaction.query("select sluice.take_back_blocks($1, $2, $3, $4, $5)", [
        chain,
        taken.rewind,
        height,
        hash,
        timestamp(time),
      ]);
      return;
    }
    case "legs":
      await dbTransaction.query("select sluice.take_back_legs($1, $2, $3)", [
        chain,
        taken.rewind,
        taken.height,
      ]);
      return;
    case "hours":
      await dbTransaction.query(
        `select sluice.take_back_hour($1, $2, taken.exchange, taken.asset, taken.hour)
         from unnest($3::text[], $4::text[], $5::timestamptz[]) as taken (exchange, asset, hour)`,
        [
          chain,
          taken.rewind,
          taken.rows.map((row) => row.exchange),
          taken.rows.map((row) => row.asset),
          taken.rows.map((row) => row.hour),
        ],
      );
      return;
    default:
      return unreachable(taken);
  }
}
