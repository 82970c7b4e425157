import { CLOCK, type Clock } from "../../stream/kafka/clock.ts";
import { readCatalog } from "../catalog.ts";
import type { Needs } from "../services/open.ts";
import { openSession, outputFolders, type ServedSession, withServices } from "../session.ts";
import { ensureSchema } from "./schema.ts";

const POSTGRES: Needs = new Set(["postgres"]);
/** A day is over when a block says so, not when a clock does: looked at often, and cheap while there is nothing to do. */
const LOOK_EVERY_MS = 5_000;

/** What `sluice feed` is told. */
export interface FeedArguments {
  /** `YYYY-MM-DD`: this day alone. */
  readonly date?: string;
  /** Goes on until it is told to end, and prints nothing. */
  readonly follow?: true;
  readonly json?: true;
}

/** Writes the feeds that are due, and prints what became of each. */
export async function feed(options: FeedArguments, signal: AbortSignal): Promise<undefined> {
  const session = openSession("feed", signal);
  await withServices(session, POSTGRES, async (served) => {
    await ensureSchema(served);
    if (options.follow === true) return follow(served);
    const outcomes = await write(served, options.date);
    const lines = outcomes.map(({ kind, csv }) => `${kind}: ${csv}\n`);
    process.stdout.write(
      options.json === true ? `${JSON.stringify(outcomes, undefined, 2)}\n` : lines.join(""),
    );
  });
}

async function write(session: ServedSession, date: string | undefined, settled = new Set<string>()) {
  const { writeFeeds } = await import("../../warehouse/feed/write.ts");
  const { config, log, services, signal } = session;
  return writeFeeds({
    ...outputFolders(session.env),
    databaseUrl: services.databaseUrl,
    chains: [...config.chains.keys()],
    // As its file stands at this hour: a new asset needs no restart.
    assets: readCatalog(config).assets,
    settled,
    log,
    signal,
    ...(date === undefined ? {} : { date }),
  });
}

/** Missed days first, then each day as it completes. What keeps one from being written is said once, and tried again. */
async function follow(session: ServedSession): Promise<void> {
  const { log, signal } = session;
  const settled = new Set<string>();
  let said = "";
  const attempt = async () => {
    try {
      await write(session, undefined, settled);
      said = "";
    } catch (error) {
      const { name, message: reason } = error as Error;
      if (name === "Fenced") log.info("another feed took over: standing by");
      else if (!signal.aborted && reason !== said)
        log.error({ reason }, "no feed written: mend what the reason names");
      said = reason;
    }
  };
  await attemptOften(attempt, CLOCK, signal);
}

/** Attempts at once, and again five seconds after each attempt's end; returns when `signal` aborts. `attempt` must not reject. */
export async function attemptOften(
  attempt: () => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await attempt();
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
  }
}
