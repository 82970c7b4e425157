import type { ChainName } from "../../stream/block.ts";
import type { Day } from "../day.ts";
import type { Queryable } from "../postgres/client.ts";

/** The rewinds that may have changed what was published of a day, as a name (other rewinds, another name); undefined: none. */
export type RewindsOf = (day: Day) => string | undefined;

/**
 * A rewind reaches from the oldest of the 11 blocks that it left newest, since no chain takes a block older than all of those, to
 * the newest row that it took: a day in between may have been complete by blocks that are gone, also where none of them was its own.
 */
const REACHES = `
  select
    rewinds.chain,
    rewinds.rewind,
    ((least(min(taken_back.at), recent.oldest) at time zone 'UTC')::date)::text as first,
    ((max(taken_back.at) at time zone 'UTC')::date)::text as last
  from sluice.rewinds
  join sluice.taken_back using (chain, rewind)
  cross join lateral (
    select min(block_time) as oldest
    from (
      select block_time from public.blocks
      where blocks.chain = rewinds.chain and blocks.status = 'final' and blocks.height <= rewinds.height
      order by height desc limit 11
    ) as newest
  ) as recent
  where rewinds.chain = any($1)
  group by rewinds.chain, rewinds.rewind, recent.oldest
  order by rewinds.chain collate "C", rewinds.rewind`;

/** Which days operators' rewinds reach: what was published of them is looked at again once they are complete again. */
export async function readReaches(db: Queryable, chains: readonly ChainName[]): Promise<RewindsOf> {
  const reaches = await db.query<{ chain: ChainName; rewind: number; first: Day; last: Day }>(REACHES, [
    chains,
  ]);
  return (day) => {
    const reaching = reaches.filter(({ first, last }) => first <= day && day <= last);
    return reaching.length === 0
      ? undefined
      : reaching.map(({ chain, rewind }) => `${chain} ${rewind}`).join(",");
  };
}
