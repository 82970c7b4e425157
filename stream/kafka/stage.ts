import type { Logger } from "pino";
import type { BlockRef, ChainName } from "../block.ts";
import type { Broker } from "./broker.ts";
import type { Clock } from "./clock.ts";
import type { ChainTopics } from "./topics.ts";

/** What a stage tells whoever watches it (a supervisor, a terminal): a picture of the work, never a part of it. */
export type StageEvent =
  | { readonly kind: "announced"; readonly block: BlockRef; readonly nodeHead: number }
  | { readonly kind: "released"; readonly block: BlockRef; readonly tip: number }
  | {
      readonly kind: "reorg";
      readonly depth: number;
      readonly orphaned: readonly BlockRef[];
      readonly newTip: BlockRef;
    }
  | { readonly kind: "written"; readonly stage: "flows" | "aggregate"; readonly height: number }
  | { readonly kind: "stored"; readonly store: "postgres" | "parquet"; readonly height: number };

/** What every stage is given. */
export interface StageContext {
  readonly chain: ChainName;
  readonly broker: Broker;
  readonly topics: ChainTopics;
  /** Before groups and transactional ids (`kafka.topicPrefix`). */
  readonly prefix: string;
  readonly replication: number;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborted by SIGINT, SIGTERM or the supervisor's end: the stage then aborts its transaction, leaves its group and returns. */
  readonly signal: AbortSignal;
  /** Stop, done, once this final height is through and durable, with nothing above it written; undefined: never. */
  readonly until: number | undefined;
  readonly report: (event: StageEvent) => void;
}

/** The consumer group and the transactional id of a stage on a chain. */
export function stageId(context: Pick<StageContext, "prefix" | "chain">, stage: string): string {
  return `${context.prefix}${stage}-${context.chain}`;
}
