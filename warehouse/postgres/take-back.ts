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
  | { readonly kind: "hours"; readonly rows: readonly HourKey[] };

/** One row of `exchange_flows_hourly`, and the rewind that takes it. */
export interface HourKey {
  readonly rewind: number;
  readonly exchange: string;
  readonly asset: string;
  readonly hour: string;
}

/** Cuts a batch so that each rewind stands alone: what comes before it is written before it takes anything back. */
export function splitAtRewinds(records: readonly KafkaRecord[]): readonly (readonly KafkaRecord[])[] {
  const parts: KafkaRecord[][] = [];
  let alone = true;
  for (const record of records) {
    const part = parts.at(-1);
    if (part === undefined || alone || isRewind(record)) parts.push([record]);
    else part.push(record);
    alone = isRewind(record);
  }
  return parts;
}

/** The hours that records of exchange flows take back, by their keys (`exchange|asset|hour`; an asset may hold a bar). */
export function hoursTakenBack(records: readonly KafkaRecord[]): readonly HourKey[] {
  return records.flatMap((record) => {
    const rewind = takenBackBy(record);
    const [first, last] = [record.key.indexOf("|"), record.key.lastIndexOf("|")];
    if (rewind === 0 || first === -1) return [];
    const { key } = record;
    return [
      { rewind, exchange: key.slice(0, first), asset: key.slice(first + 1, last), hour: key.slice(last + 1) },
    ];
  });
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
        `select sluice.take_back_hour($1, taken.rewind, taken.exchange, taken.asset, taken.hour)
         from unnest($2::integer[], $3::text[], $4::text[], $5::timestamptz[]) as taken (rewind, exchange, asset, hour)`,
        [
          chain,
          taken.rows.map((row) => row.rewind),
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
