import type { ChainName } from "../block.ts";

/** The topics of one chain, prefix included. */
export interface ChainTopics {
  readonly raw: string;
  readonly final: string;
  readonly reorgs: string;
  readonly flows: string;
  readonly exchangeFlows: string;
}

/** A topic's settings as Sluice makes and demands them (one partition each). */
export interface TopicSpec {
  readonly name: string;
  readonly cleanup: "delete" | "compact";
  readonly replication: number;
}

/** The largest message, bytes: DESIGN §6. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Names the topics of `chain`; `prefix` is `kafka.topicPrefix` of the config. */
export function chainTopics(prefix: string, chain: ChainName): ChainTopics {
  return {
    raw: `${prefix}${chain}.blocks.raw.v1`,
    final: `${prefix}${chain}.blocks.final.v1`,
    reorgs: `${prefix}${chain}.reorgs.v1`,
    flows: `${prefix}${chain}.flows.v1`,
    exchangeFlows: `${prefix}${chain}.exchange-flows.v1`,
  };
}

/** The settings of each of `names`, all of one chain's topics: only exchange flows are compacted. */
export function topicSpecs(names: readonly string[], replication: number): readonly TopicSpec[] {
  return names.map((name) => ({
    name,
    cleanup: name.endsWith(".exchange-flows.v1") ? "compact" : "delete",
    replication,
  }));
}
