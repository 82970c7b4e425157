import type { ChainName } from "../../stream/block.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { watchCatalog } from "../catalog.ts";
import { chainKind } from "../chains.ts";
import { type ChainConfig, policyOf } from "../config.ts";
import { noteHalt } from "../incident.ts";
import { withReports } from "../reports.ts";
import type { Needs } from "../services/open.ts";
import {
  chainNodes,
  configuredChain,
  openSession,
  type Session,
  stageContext,
  withBroker,
  withServices,
} from "../session.ts";
import type { Untils } from "../until.ts";

const KAFKA: Needs = new Set(["kafka"]);

/** A stage of one chain: what it does with its context. */
type ChainStage = (context: StageContext, settings: ChainConfig, session: Session) => Promise<void>;

/** The stages of one chain, by their verbs. What a stage does not need is not loaded. */
export const CHAIN_STAGES = {
  ingest: async (context, settings, session) => {
    const nodes = chainNodes(session, context.chain, settings);
    const { runIngest } = await import("../../ingest/ingest.ts");
    const source = await chainKind(settings).openSource(nodes, context.log);
    try {
      const { start, pollMs } = settings;
      await runIngest(context, source, { start, pollMs, policy: policyOf(settings) });
    } finally {
      await source.close();
    }
  },
  gate: async (context, settings) => {
    const { runGate } = await import("../../stream/kafka/gate.ts");
    await runGate(context, policyOf(settings));
  },
  flows: async (context, settings, session) => {
    const { runFlows } = await import("../../stream/kafka/flows.ts");
    const catalog = watchCatalog(session.config, context.log);
    await runFlows(context, {
      rule: await chainKind(settings).flowRule(),
      book: () => bookOf(catalog().books, context.chain),
    });
  },
  aggregate: async (context, settings) => {
    const { runAggregate } = await import("../../stream/kafka/aggregate.ts");
    const { coverageLagS, watermarkRule } = chainKind(settings);
    await runAggregate(context, coverageLagS, watermarkRule);
  },
} satisfies Record<string, ChainStage>;

/** The verb of a stage that serves one chain. */
export type ChainVerb = keyof typeof CHAIN_STAGES;

/** Runs a stage of a chain until it is told to end. */
export async function runChainStage(
  verb: ChainVerb,
  where: { readonly chain: string; readonly untils: Untils },
  signal: AbortSignal,
): Promise<void> {
  const { untils } = where;
  const session = openSession(verb, signal);
  const { chain, settings } = configuredChain(session.config, where.chain);
  if (verb === "ingest") chainNodes(session, chain, settings);
  const stage: ChainStage = CHAIN_STAGES[verb];
  await withServices(session, KAFKA, (served) =>
    withBroker(served, (broker) =>
      withReports(served, untils, (report) =>
        noteHalt({ home: served.env.home, chain, stage: verb }, () =>
          stage(stageContext({ session: served, broker, untils, report }, chain), settings, served),
        ),
      ),
    ),
  );
}

function bookOf<T>(books: ReadonlyMap<ChainName, T>, chain: ChainName): T {
  const book = books.get(chain);
  if (book === undefined) throw new Error(`no label book for ${chain}`);
  return book;
}
