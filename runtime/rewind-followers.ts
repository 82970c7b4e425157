import type { Follower } from "../stream/kafka/rewind-follow.ts";
import type { StageContext } from "../stream/kafka/stage.ts";
import type { ChainConfig } from "./config.ts";
import { lastFlowsHeight, lastMark } from "./heights.ts";
import { noteHalt, type StageName } from "./incident.ts";
import { outputFolders, type ServedSession } from "./session.ts";
import { CHAIN_STAGES } from "./verbs/stages.ts";

/** A chain that was put back, and the context of its stages. */
export interface RewoundChain {
  readonly context: StageContext;
  readonly settings: ChainConfig;
}

/** The stages that follow a rewind, as data flows. */
export function followersOf(session: ServedSession, chain: RewoundChain): readonly Follower[] {
  const noted = (stage: StageName, follower: Follower): Follower => {
    const place = { home: session.env.home, chain: chain.context.chain, stage };
    return { ...follower, run: (going) => noteHalt(place, () => follower.run(going)) };
  };
  return [
    noted("flows", flows(session, chain)),
    noted("aggregate", aggregate(chain)),
    noted("postgres", postgres(session, chain)),
    noted("parquet", parquet(session, chain)),
  ];
}

function flows(session: ServedSession, { context, settings }: RewoundChain): Follower {
  return {
    height: async () => (await lastFlowsHeight(context.broker, context.topics.flows)) ?? -1,
    run: (going) => CHAIN_STAGES.flows(going, settings, session),
  };
}

function aggregate({ context, settings }: RewoundChain): Follower {
  return {
    height: async () => (await lastMark(context.broker, context.topics.exchangeFlows))?.height ?? -1,
    run: (going) => CHAIN_STAGES.aggregate(going, settings),
  };
}

function postgres({ services, signal }: ServedSession, { context, settings }: RewoundChain): Follower {
  const url = services.databaseUrl;
  return {
    height: async () => {
      const { openDatabase } = await import("../warehouse/postgres/client.ts");
      const { statusRows } = await import("../warehouse/postgres/status.ts");
      const db = await openDatabase(url, { signal });
      try {
        const chains = (await statusRows(db)).filter(({ chain }) => chain === context.chain);
        return Math.max(
          -1,
          ...chains.flatMap(({ offsets }) => offsets.map((one) => one.through_height ?? -1)),
        );
      } finally {
        await db.close();
      }
    },
    run: async (going) => {
      const { runPostgresSink } = await import("../warehouse/postgres/sink.ts");
      await runPostgresSink(going, { url, kind: settings.kind });
    },
  };
}

function parquet({ env }: ServedSession, { context }: RewoundChain): Follower {
  const { lake } = outputFolders(env);
  return {
    height: async () => {
      const { readMetas } = await import("../warehouse/lake/day-file.ts");
      const { openDuckDb } = await import("../warehouse/lake/duckdb.ts");
      const { LAKE_TABLES } = await import("../warehouse/lake/tables.ts");
      const db = await openDuckDb();
      try {
        const heights: number[] = [-1];
        for (const spec of Object.values(LAKE_TABLES)) {
          const metas = await readMetas(db, { lake, chain: context.chain, spec });
          heights.push(...[...metas.values()].map((meta) => meta.height));
        }
        return Math.max(...heights);
      } finally {
        db.close();
      }
    },
    run: async (going) => {
      const { runLakeSink } = await import("../warehouse/lake/sink.ts");
      await runLakeSink(going, { lake });
    },
  };
}
