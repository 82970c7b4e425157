import type { ChainName } from "../../stream/block.ts";
import type { Day } from "../day.ts";
import type { Queryable } from "../postgres/client.ts";

/**
 * The days of which an operator's rewind took rows back, each with a name for the rewinds that did (another one, another name):
 * what was published of them may be wrong, and is looked at again once they are complete again.
 */
export async function daysTakenBack(
  db: Queryable,
  chains: readonly ChainName[],
): Promise<ReadonlyMap<Day, string>> {
  const rows = await db.query<{ day: Day; rewinds: string }>(
    `select ((at at time zone 'UTC')::date)::text as day, string_agg(distinct chain || ' ' || rewind, ',') as rewinds
     from sluice.taken_back where chain = any($1) group by 1`,
    [chains],
  );
  return new Map(rows.map(({ day, rewinds }) => [day, `${day} ${rewinds}`]));
}
