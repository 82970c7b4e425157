import type { ChainName } from "../../stream/block.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { watchCatalog } from "../catalog.ts";
import { untilAllEnd } from "../chain-works.ts";
import { noteHalt } from "../incident.ts";
import { withReports } from "../reports.ts";
import type { Needs } from "../services/open.ts";
import {
  configuredChain,
  openSession,
  outputFolders,
  type ServedSession,
  stageContext,
  withBroker,
  withServices,
} from "../session.ts";
import { servedChains, type Untils } from "../until.ts";

/** The stores that a `warehouse` process can fill. */
export type Store = "postgres" | "parquet";

type Sink = (context: StageContext) => Promise<void>;

/** Which chains a `warehouse` process serves (undefined: all), and where they end. */
export interface WarehouseChains {
  readonly chains: readonly string[] | undefined;
  readonly untils: Untils;
}

/**
 * Fills one store with the chains that it serves, each at its own pace, until it is told to end.
 * A chain that can't go on is left behind, and the others go on; at the end the exit code is that of the first such chain.
 */
export async function runWarehouse(
  store: Store,
  asked: WarehouseChains,
  signal: AbortSignal,
): Promise<number> {
  const ending = new AbortController();
  const session = openSession(`warehouse ${store}`, AbortSignal.any([signal, ending.signal]));
  const { untils } = asked;
  const names = asked.chains ?? [...session.config.chains.keys()];
  const chains = servedChains(
    new Set(names.map((name) => configuredChain(session.config, name).chain)),
    untils,
  );
  const needs: Needs = new Set(store === "postgres" ? ["kafka", "postgres"] : ["kafka"]);
  return withServices(session, needs, (served) =>
    withBroker(served, (broker) =>
      withReports(served, untils, async (report) => {
        const sink = await openSink(store, served);
        const edge = { session: served, broker, untils, report };
        const { env, log, signal: halt } = served;
        const work = (chain: ChainName) =>
          noteHalt({ home: env.home, chain, stage: store }, () => sink(stageContext(edge, chain)));
        return untilAllEnd({ chains, work, crashed: () => ending.abort(), log, signal: halt });
      }),
    ),
  );
}

async function openSink(store: Store, session: ServedSession): Promise<Sink> {
  switch (store) {
    case "postgres":
      return openPostgresSink(session);
    case "parquet": {
      const { runLakeSink } = await import("../../warehouse/lake/sink.ts");
      const { lake } = outputFolders(session.env);
      return (context) => runLakeSink(context, { lake });
    }
  }
}

/** The sink also brings the database's schema and catalog up to date. */
async function openPostgresSink(session: ServedSession): Promise<Sink> {
  const { runPostgresSink } = await import("../../warehouse/postgres/sink.ts");
  const url = session.services.databaseUrl;
  const catalog = watchCatalog(session.config, session.log);
  const kindOf = ({ chain }: StageContext) => configuredChain(session.config, chain).settings.kind;
  return (context) => runPostgresSink(context, { url, kind: kindOf(context), catalog });
}
