import type { Queryable } from "./client.ts";

/** How far a chain stands in Postgres, as `sluice status` shows it. Times are ISO 8601 in UTC; null: none yet. */
export interface ChainStatus {
  readonly chain: string;
  readonly kind: string;
  readonly final_height: number | null;
  readonly final_hash: string | null;
  readonly final_time: string | null;
  readonly watermark: string | null;
  readonly reorgs: number;
  readonly offsets: readonly TopicStatus[];
}

/** How far a topic stands: the offset to read next, and the last height wholly stored. */
interface TopicStatus {
  readonly topic: string;
  readonly next_offset: number;
  readonly through_height: number | null;
}

/** One row a chain, by name; none in a database that was never filled. */
export async function statusRows(db: Queryable): Promise<readonly ChainStatus[]> {
  if (!(await isMigrated(db))) return [];
  return db.query<ChainStatus>(`
    select
      chain,
      kind,
      final_height::float8 as final_height,
      final_hash,
      to_char(final_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as final_time,
      to_char(watermark at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as watermark,
      (select count(*)::int from public.reorgs where reorgs.chain = chains.chain) as reorgs,
      coalesce(
        (select json_agg(
            json_build_object('topic', topic, 'next_offset', next_offset, 'through_height', through_height)
            order by topic)
          from sluice.offsets where offsets.chain = chains.chain),
        '[]'
      ) as offsets
    from public.chains
    order by chain`);
}

/** Whether the tables and views are there. */
export async function isMigrated(db: Queryable): Promise<boolean> {
  const [row] = await db.query<{ there: boolean }>(
    "select to_regclass('public.exchange_flows_24h_usd') is not null as there",
  );
  return row?.there === true;
}
