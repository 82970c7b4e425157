import { pino } from "pino";
import type { ChainName } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import { TopicMissing } from "../../stream/kafka/errors.ts";
import { findIncident, type Incident } from "../../stream/kafka/incident.ts";
import { stageId } from "../../stream/kafka/stage.ts";
import { type ChainConfig, policyOf } from "../config.ts";
import { readIncident } from "../incident.ts";
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

/** What halted a chain, as it is printed; null: it is not halted. */
interface ChainIncident {
  readonly chain: ChainName;
  readonly incident: Incident | null;
  /** What its gate left in this home when it halted for another reason, a topic that lost records. */
  readonly said: string | null;
}

/** Shows what halted which chain, from the topics themselves, so that it is the same on every machine. */
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
      const text = options.json ? JSON.stringify(found, undefined, 2) : found.map(render).join("\n");
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
  const said = readIncident(session.env.home, chain) ?? null;
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
    return { chain, incident: found ?? null, said: found === undefined ? said : null };
  } catch (error) {
    if (!(error instanceof TopicMissing)) throw error;
    return { chain, incident: null, said };
  }
}

function render({ chain, incident: found, said }: ChainIncident): string {
  if (found === null) return said === null ? `${chain}: no incident` : `${chain}: halted: ${said}`;
  const { kind, rival, released, fork, rawOffset, announcedMs } = found;
  const at = announcedMs === undefined ? "" : `, ${new Date(announcedMs).toISOString()}`;
  const lines = [
    `${chain}: halted by a ${kind}`,
    ...(released === undefined ? [] : [`  released   ${released.height} ${released.hash}`]),
    `  announced  ${rival.height} ${rival.hash} (raw offset ${rawOffset}${at})`,
    ...(fork === undefined ? [] : [`  both build on ${fork.height} ${fork.hash}`]),
    ...remedy(chain, found),
  ];
  return lines.join("\n");
}

function remedy(chain: ChainName, { kind, fork, released }: Incident): readonly string[] {
  if (kind === "announcement gap")
    return [
      "  this can't happen unless raw was tampered with or Sluice is wrong: keep the topics, and report it",
    ];
  if (fork === undefined)
    return ["  both branches part more than a thousand final blocks below: is the node one of this chain?"];
  return [
    `  if the chain is right to have left block ${released?.height}: stop its stages, then sluice rewind ${chain} --to ${fork.height} --yes`,
    "  if its node is wrong: point it at a right one, and start again once that one's chain has been announced",
  ];
}
