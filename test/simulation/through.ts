import type { SimCluster } from "./cluster.ts";
import type { Director } from "./director.ts";
import { isFeedThrough } from "./feed.ts";
import type { Outcome } from "./oracle.ts";
import { TOPICS } from "./stages.ts";
import type { Stores } from "./stores.ts";
import type { Story } from "./story.ts";

/** What is looked at to see how far all is. */
export interface Scene {
  readonly story: Story;
  readonly cluster: SimCluster;
  readonly director: Director;
  readonly stores: Stores;
  /** Whether a gate has halted. */
  readonly halted: boolean;
}

/** Whether topics and feed hold as much as they must. */
export function isThrough({ story, cluster, director, stores, halted }: Scene, outcome: Outcome): boolean {
  const count = (topic: string) => cluster.log(topic).history.length;
  const last = cluster.log(TOPICS.raw).history.at(-1);
  const { head } = director;
  const named = story.policy.kind === "tag" ? `${head.height}:${head.hash}` : undefined;
  const marks = cluster.log(TOPICS.exchangeFlows).history.filter(({ key }) => key === "watermark");
  return (
    last?.key === head.hash &&
    last.headers["finalized"] === named &&
    isFeedThrough(stores.lake, { blocks: outcome.final, timeRule: story.timeRule }) &&
    (outcome.haltsAt === undefined || halted) &&
    count(TOPICS.reorgs) >= outcome.reorgs.length &&
    [count(TOPICS.final), count(TOPICS.flows), marks.length].every((one) => one >= outcome.released.length)
  );
}
