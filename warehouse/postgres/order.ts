import type { BlockHash, ChainName } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import type { LastBlock } from "../../stream/kafka/order.ts";
import { unreachable } from "../../stream/unreachable.ts";
import { finalOrder, flowsOrder, hoursOrder, type OrderCheck } from "../order.ts";
import type { Lane, Progress } from "./batch.ts";
import type { Queryable } from "./client.ts";

/** Holds what is read of a lane's topic to what the tables have of it: records follow on, or `OrderBroken` is thrown. */
export async function orderOf(
  edge: { readonly db: Queryable; readonly broker: Broker },
  lane: Lane,
  { through }: Progress,
): Promise<OrderCheck> {
  const last = through === undefined ? undefined : { height: through };
  switch (lane.kind) {
    case "final":
      return finalOrder(last && (await withHash(edge.db, lane.chain, last)));
    case "flows":
      return flowsOrder(last);
    case "exchangeFlows":
      return hoursOrder(edge.broker, last);
    // Reorgs are not counted: nothing tells that one is missing.
    case "reorgs":
      return async () => {};
    default:
      return unreachable(lane.kind);
  }
}

/** The newest final block and its offset are written together. */
async function withHash(db: Queryable, chain: ChainName, { height }: LastBlock): Promise<LastBlock> {
  const [row] = await db.query<{ final_hash: string | null }>(
    "select final_hash from public.chains where chain = $1",
    [chain],
  );
  return { height, hash: (row?.final_hash ?? undefined) as BlockHash | undefined };
}
