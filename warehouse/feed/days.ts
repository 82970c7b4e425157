import type { ChainName } from "../../stream/block.ts";
import { type Day, dayEnd, dayStart } from "../day.ts";
import type { DayFormat } from "../lake/edge.ts";
import { LAKE_TABLES } from "../lake/tables.ts";
import type { Queryable } from "../postgres/client.ts";

/** From when to when a chain that has begun is known and final, Unix seconds. */
export interface Window {
  readonly chain: ChainName;
  /** Days that begin here or later miss no block; -Infinity: the chain is known from its beginning. */
  readonly coveredFrom: number;
  /** Days that end here or earlier never change; undefined while not known. */
  readonly watermark: number | undefined;
}

/** What a day is to the feed. */
export type DayState =
  | { readonly kind: "uncovered" }
  /** Chains that cover the day and have not completed it. */
  | {
      readonly kind: "waits";
      readonly chains: readonly ChainName[];
      readonly for: "Postgres" | "the lake";
    }
  | { readonly kind: "complete"; readonly chains: readonly ChainName[] };

/** Whether a day is complete on every chain in it. */
export function stateOf(day: Day, windows: readonly Window[]): DayState {
  const covering = windows.filter((window) => window.coveredFrom <= dayStart(day));
  if (covering.length === 0) return { kind: "uncovered" };
  const waiting = covering.filter(({ watermark }) => watermark === undefined || watermark < dayEnd(day));
  if (waiting.length > 0) {
    return { kind: "waits", chains: waiting.map((window) => window.chain), for: "Postgres" };
  }
  return { kind: "complete", chains: covering.map((window) => window.chain).sort() };
}

/**
 * The watermark belongs to the hours. Topics are stored each at its own pace: while blocks or legs are behind the hours, what
 * stands of all three ends with the oldest of the last 11 blocks stored, since no chain takes a block older than all of those.
 */
const WINDOWS = `
  with standing as (
    select
      chain,
      least(
        coalesce(max(through_height) filter (where topic like '%.blocks.final.v1'), -1),
        coalesce(max(through_height) filter (where topic like '%.flows.v1'), -1)
      ) as stored,
      max(through_height) filter (where topic like '%.exchange-flows.v1') as hours
    from sluice.offsets
    group by chain
  ),
  recent as (
    select chain, min(block_time) as oldest
    from standing
    cross join lateral (
      select block_time from public.blocks
      where blocks.chain = standing.chain and blocks.status = 'final' and blocks.height <= standing.stored
      order by height desc limit 11
    ) as newest
    group by chain
  )
  select
    chain,
    extract(epoch from covered_from)::float8 as covered_from,
    extract(epoch from case when stored >= hours then watermark when watermark is not null then oldest end)::float8 as watermark
  from sluice.chain_windows
  left join standing using (chain)
  left join recent using (chain)
  where covered_from is not null and chain = any($1)
  order by chain collate "C"`;

/** The windows of those of `chains` that have begun, as far as Postgres has stored all of their tables. */
export async function readWindows(db: Queryable, chains: readonly ChainName[]): Promise<readonly Window[]> {
  const rows = await db.query<{ chain: ChainName; covered_from: number; watermark: number | null }>(WINDOWS, [
    chains,
  ]);
  return rows.map((row) => ({
    chain: row.chain,
    coveredFrom: row.covered_from,
    watermark: row.watermark ?? undefined,
  }));
}

/** Whether the lake will never change a chain's day again; a day without a block has no files and nothing to wait for. */
export async function isClosedInLake(
  format: DayFormat,
  where: { readonly lake: string; readonly chain: ChainName; readonly day: Day },
  hasBlocks: boolean,
): Promise<boolean> {
  for (const spec of Object.values(LAKE_TABLES)) {
    const meta = (await format.readMetas({ ...where, spec }, where.day)).get(where.day);
    if (meta === undefined ? hasBlocks : !meta.closed) return false;
  }
  return true;
}
