import { CLOCK, type Clock } from "../../stream/kafka/clock.ts";
import { LAKE_EDGE, type LakeEdge } from "../lake/edge.ts";
import { type Database, openDatabase } from "../postgres/client.ts";

/** Where the feed's writer meets the world: a simulation puts its own in the place of disk, DuckDB, Postgres and clock. */
export interface FeedEdge extends LakeEdge {
  readonly clock: Clock;
  /** As `openDatabase` of client.ts. */
  openDatabase(url: string, options: { readonly signal: AbortSignal }): Promise<Database>;
}

/** The process's own. */
export const FEED_EDGE: FeedEdge = { ...LAKE_EDGE, clock: CLOCK, openDatabase };
