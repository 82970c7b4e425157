import { pino } from "pino";
import type { ChainName } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import { TopicMissing } from "../../stream/kafka/errors.ts";
import { findIncident } from "../../stream/kafka/incident.ts";
import { stageId } from "../../stream/kafka/stage.ts";
import { type ChainConfig, policyOf } from "../config.ts";
import { EXIT, exitCodeOf } from "../exit.ts";
import { type Halt, readHalts } from "../incident.ts";
import { type ChainIncident, describeIncident } from "../incident-text.ts";
import type { Needs } from "../services/open.ts";
import {
  configuredChain,
  openSession,
  type ServedSession,
  stageContext,
  withBroker,
  withGroups,
  withServices,
} from "../session.ts";

const KAFKA: Needs = new Set(["kafka"]);

/**
 * Shows what halted which chain: what contradicts final blocks, from the topics themselves, so that it is the same on every
 * machine; and what else halted a stage in this home.
 */
export async function incident(
  options: { readonly chain: string | undefined; readonly json: boolean },
  signal: AbortSignal,
): Promise<undefined> {
  const session = openSession("incident", signal);
  const named = options.chain;
  const chains =
    named === undefined
      ? [...session.config.chains]
      : [configuredChain(session.config, named)].map(({ chain, settings }) => [chain, settings] as const);
  await withServices(session, KAFKA, (served) =>
    withBroker(served, async (broker) => {
      const found: ChainIncident[] = [];
      for (const [chain, settings] of chains) found.push(await incidentOf(served, broker, chain, settings));
      const text = options.json
        ? JSON.stringify(found, undefined, 2)
        : found.map(describeIncident).join("\n");
      process.stdout.write(`${text}\n`);
    }),
  );
}

async function incidentOf(
  session: ServedSession,
  broker: Broker,
  chain: ChainName,
  settings: ChainConfig,
): Promise<ChainIncident> {
  const halts = readHalts(session.env.home, chain);
  const context = {
    ...stageContext({ session, broker, untils: new Map(), report: () => undefined }, chain),
    // Looking at an incident is none.
    log: pino({ enabled: false }),
  };
  const where = { group: stageId(context, "gate"), topic: context.topics.raw };
  try {
    // Of a topic that is not there the cluster knows no offsets.
    await broker.bounds(context.topics.raw);
    const committed = await withGroups(session, (groups) => groups.committed(where));
    const found = await findIncident(context, policyOf(settings), committed);
    if (found === undefined) return { chain, incident: null, halts };
    return { chain, incident: found, halts: exceptGate(halts) };
  } catch (error) {
    if (error instanceof TopicMissing) return { chain, incident: null, halts };
    if (exitCodeOf(error) !== EXIT.halted) throw error;
    const { message: reason } = error as Error;
    return { chain, incident: null, halts: [{ stage: "gate", reason }, ...exceptGate(halts)] };
  }
}

/** What the topics say of the gate is newer than what it left here. */
function exceptGate(halts: readonly Halt[]): readonly Halt[] {
  return halts.filter(({ stage }) => stage !== "gate");
}
