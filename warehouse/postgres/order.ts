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
  { next, through }: Progress,
): Promise<OrderCheck> {
  const last = through === undefined ? undefined : { height: through };
  switch (lane.kind) {
    case "final":
      return finalOrder(last && (await withHash(edge.db, lane.chain, last)));
    case "flows":
      return flowsOrder(last);
    case "exchangeFlows":
      return hoursOrder(edge.broker, { last, next });
    // Reorgs are not counted: nothing tells that one is missing.
    case "reorgs":
      return async () => {};
    default:
      return unreachable(lane.kind);
  }
}

/** Asked by its height: another copy of the sink may have stored more since the progress was read. */
async function withHash(db: Queryable, chain: ChainName, { height }: LastBlock): Promise<LastBlock> {
  const [row] = await db.query<{ final_hash: BlockHash }>(
    "select final_hash from public.chains where chain = $1 and final_height = $2",
    [chain, height],
  );
  return { height, hash: row?.final_hash };
}
