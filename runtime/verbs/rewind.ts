import { setTimeout as sleep } from "node:timers/promises";
import { beginAggregation } from "../../stream/aggregation.ts";
import type { ChainName } from "../../stream/block.ts";
import { type Rewound, rewind } from "../../stream/kafka/rewind.ts";
import { followRewind } from "../../stream/kafka/rewind-follow.ts";
import { type StageContext, stageId } from "../../stream/kafka/stage.ts";
import { chainKind } from "../chains.ts";
import type { ChainConfig } from "../config.ts";
import { InvalidUsage } from "../exit.ts";
import { clearHalt, STAGES } from "../incident.ts";
import { followersOf } from "../rewind-followers.ts";
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

const EVERYTHING: Needs = new Set(["kafka", "postgres"]);

/** A stage that was killed is a member of its group until its session ends (6 s): longer than that it lives. */
const LIVING_MS = 8000;
const LOOK_MS = 500;

/** The chain's stages run, here or elsewhere: a rewind needs them stopped. */
export class StagesRunning extends Error {
  override readonly name = "StagesRunning";
  constructor(chain: ChainName, groups: readonly string[]) {
    super(
      `stages of ${chain} are running (groups ${groups.join(", ")}): stop them all, on every machine, then rewind; nothing was changed`,
    );
  }
}

/** What is asked of a rewind. */
export interface RewindRequest {
  readonly chain: string;
  readonly to: number;
  readonly yes: boolean;
  readonly json: boolean;
}

/** Takes back what is final above a height, in all topics and stores. Throws `StagesRunning`, `RewindImpossible`. */
export async function rewindChain(request: RewindRequest, signal: AbortSignal): Promise<undefined> {
  const session = openSession("rewind", signal);
  const { chain, settings } = configuredChain(session.config, request.chain);
  if (!request.yes) {
    throw new InvalidUsage(
      `a rewind takes final blocks of ${chain} above ${request.to} back from all topics and stores; say --yes to do it`,
    );
  }
  await withServices(session, EVERYTHING, (served) =>
    withBroker(served, async (broker) => {
      const context = stageContext(
        { session: served, broker, untils: new Map(), report: () => undefined },
        chain,
      );
      await refuseRunning(served, context);
      const done = await rewind(context, request.to, hourRules(settings));
      await followRewind(context, done.to.height, followersOf(served, { context, settings }));
      clearHalt({ home: served.env.home, chain, stage: "gate" });
      process.stdout.write(`${request.json ? JSON.stringify({ chain, ...done }) : sentence(chain, done)}\n`);
    }),
  );
}

function hourRules(settings: ChainConfig) {
  const { coverageLagS: lagS, watermarkRule } = chainKind(settings);
  return {
    lagS,
    begin: (first: Parameters<typeof beginAggregation>[0]) => beginAggregation(first, lagS, watermarkRule),
  };
}

function refuseRunning(session: ServedSession, context: StageContext): Promise<void> {
  return withGroups(session, async (groups) => {
    const ids = STAGES.map((stage) => stageId(context, stage));
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      const living = await groups.living(ids);
      if (living.length === 0) return;
      if (waitedMs >= LIVING_MS) throw new StagesRunning(context.chain, living);
      await sleep(LOOK_MS, undefined, { signal: session.signal });
    }
  });
}

function sentence(chain: ChainName, { to, blocks, rewinds }: Rewound): string {
  return (
    `${chain} goes on from block ${to.height} (${to.hash}); ${blocks} final blocks were taken back from topics, Postgres and lake; ` +
    `what Postgres held of them stands in sluice.taken_back as rewind ${rewinds}`
  );
}
