import { beginAggregation, type FirstBlock } from "../../stream/aggregation.ts";
import { flowsFromJson, markFromJson } from "../../stream/flow/json.ts";
import { textOf } from "../../stream/kafka/block-record.ts";
import { rewind } from "../../stream/kafka/rewind.ts";
import { type Follower, followRewind } from "../../stream/kafka/rewind-follow.ts";
import { type StageContext, stageId } from "../../stream/kafka/stage.ts";
import { readLast } from "../../stream/kafka/tail.ts";
import { LAKE_TABLES } from "../../warehouse/lake/tables.ts";
import { readProgress } from "../../warehouse/postgres/batch.ts";
import { DatabaseUnreachable, isOutage } from "../../warehouse/postgres/outage.ts";
import type { SimBlock } from "./chain.ts";
import type { SimCluster } from "./cluster.ts";
import type { Director } from "./director.ts";
import { LAG_S } from "./figures.ts";
import { LAKE } from "./lake.ts";
import type { Rewind } from "./oracle.ts";
import type { SimProcess } from "./process.ts";
import { CHAIN, contextOf, runStage, type Stage, TOPICS } from "./stages.ts";

/** As `sluice rewind` does once no stage runs: takes final data above `height` back, and lets those that follow go back to it. */
export async function runRewind(
  stage: Stage,
  process: SimProcess,
  signal: AbortSignal,
  height: number,
): Promise<void> {
  const context = contextOf(stage, process, signal);
  const { timeRule } = stage.story;
  const lagS = LAG_S[timeRule];
  const watermarkRule = timeRule === "ascending" ? "stated" : "medianTimePast";
  const begin = (first: FirstBlock) => beginAggregation(first, lagS, watermarkRule);
  try {
    const { to } = await rewind(context, height, { lagS, begin });
    await followRewind(context, to.height, followers(stage, process, context));
  } catch (cause) {
    throw isOutage(cause) ? new DatabaseUnreachable("simulated", { cause }) : cause;
  }
}

function followers(stage: Stage, process: SimProcess, context: StageContext): readonly Follower[] {
  const { broker, topics } = context;
  const run = (role: Parameters<typeof runStage>[0]) => (going: StageContext) =>
    runStage(role, stage, process, going);
  const db = stage.stores.postgres.open(process, stageId(context, "rewind"));
  return [
    {
      height: async () => {
        const last = await readLast(broker, topics.flows);
        return last === undefined ? -1 : flowsFromJson(textOf(last)).height;
      },
      run: run("flows"),
    },
    {
      height: async () => {
        const last = await readLast(broker, topics.exchangeFlows);
        return last === undefined ? -1 : markFromJson(textOf(last)).height;
      },
      run: run("aggregate"),
    },
    {
      height: async () => {
        const progress = await readProgress(db, CHAIN);
        return Math.max(-1, ...[...progress.values()].map(({ through }) => through ?? -1));
      },
      run: run("postgres"),
    },
    ...(stage.story.rewind?.lakeAway === undefined ? [lakeFollower(stage, process, run("parquet"))] : []),
  ];
}

function lakeFollower({ stores }: Stage, process: SimProcess, run: Follower["run"]): Follower {
  const edge = stores.lake.open(process);
  return {
    height: async () => {
      const format = await edge.openFormat();
      const heights = [-1];
      for (const spec of Object.values(LAKE_TABLES))
        for (const meta of (await format.readMetas({ lake: LAKE, chain: CHAIN, spec })).values())
          heights.push(meta.height);
      return Math.max(...heights);
    },
    run,
  };
}

/** To which height a rewind may go that leaves `depth` of the final blocks out on which the chain still builds; undefined: none is final. */
export function rewindHeight(cluster: SimCluster, director: Director, depth: number): number | undefined {
  const standing = new Set<SimBlock>(director.chain.upTo(director.head));
  const final = cluster.log(TOPICS.final).history.map(({ key }) => director.chain.get(key));
  const stays = final.filter((block) => block !== undefined && standing.has(block)) as readonly SimBlock[];
  return stays[Math.max(0, stays.length - 1 - depth)]?.height;
}

/** The rewind that the logs hold, once nothing in them is in doubt; undefined: there is none. */
export async function rewindIn(cluster: SimCluster): Promise<Rewind | undefined> {
  for (const topic of [TOPICS.raw, TOPICS.final, TOPICS.reorgs]) await cluster.settled(topic);
  const final = cluster.log(TOPICS.final);
  const finals = final.history.findIndex(({ key }) => key === "rewind");
  const record = final.history[finals];
  if (record === undefined) return undefined;
  return {
    height: Number(record.headers["height"]),
    finals,
    reorgs: cluster.log(TOPICS.reorgs).history.length,
    rawEnd: cluster.log(TOPICS.raw).end,
    from: final.carriedWith(record.offset) as number,
  };
}
