import type { ChainName } from "../../stream/block.ts";
import { type Place, postgresLines } from "../canonical.ts";
import { type Day, dayEnd, dayStart } from "../day.ts";
import type { Queryable } from "../postgres/client.ts";
import { type Decimals, type FeedRow, rowOfLine } from "./csv.ts";
import type { ChainDay, Feed } from "./manifest.ts";

/** A day's feed as Postgres has it: rows in order of the chains, and what their blocks were. */
export async function readContent(
  dbTransaction: Queryable,
  what: { readonly day: Day; readonly chains: readonly ChainName[] },
  decimals: Decimals,
): Promise<Feed> {
  const rows: FeedRow[] = [];
  const chains = new Map<ChainName, ChainDay>();
  for (const chain of what.chains) {
    const place = { chain, day: what.day };
    rows.push(...(await dayRows(dbTransaction, place)));
    chains.set(chain, await readChainDay(dbTransaction, place));
  }
  return { day: what.day, rows, chains, decimals };
}

/** The sums of a chain's day, as Postgres computes them. */
async function dayRows(dbTransaction: Queryable, place: Place): Promise<readonly FeedRow[]> {
  const rows: FeedRow[] = [];
  for await (const line of postgresLines(dbTransaction, "exchange_flows_daily", place)) {
    rows.push(rowOfLine(place.chain, line));
  }
  return rows;
}

/** What a chain's final blocks of a day were, as Postgres knows them. */
export async function readChainDay(db: Queryable, { chain, day }: Place): Promise<ChainDay> {
  const range = [chain, dayStart(day), dayEnd(day)];
  const [blocks] = await db.query<{ blocks: number; first: number | null; last: number | null }>(
    `select count(*)::float8 as blocks, min(height)::float8 as first, max(height)::float8 as last from public.blocks
     where chain = $1 and status = 'final' and block_time >= to_timestamp($2) and block_time < to_timestamp($3)`,
    range,
  );
  const versions = await db.query<{ label_version: string }>(
    `select distinct label_version from public.flow_legs
     where chain = $1 and block_time >= to_timestamp($2) and block_time < to_timestamp($3) order by 1`,
    range,
  );
  return {
    blocks: blocks?.blocks ?? 0,
    first_height: blocks?.first ?? null,
    last_height: blocks?.last ?? null,
    label_versions: versions.map((row) => row.label_version),
  };
}
