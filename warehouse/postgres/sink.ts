import { refuseBelowBeginning } from "../../stream/kafka/beginning.ts";
import { type StageContext, stageId } from "../../stream/kafka/stage.ts";
import { topicSpecs } from "../../stream/kafka/topics.ts";
import { type Applied, type Lane, readProgress } from "./batch.ts";
import { type CatalogRows, holdsVersion, syncCatalog } from "./catalog.ts";
import { type Database, openDatabase } from "./client.ts";
import { runLanes } from "./lanes.ts";
import { migrate } from "./migrate.ts";
import { persist } from "./persist.ts";
import type { TopicKind } from "./staging.ts";

/** Topics whose records are of a block: all but reorgs. A height is stored when it is in all of them. */
const HEIGHT_KINDS = 3;

/** What the Postgres sink is told of its chain; `catalog` (labels and assets as their files stand now) is kept in its tables. */
export interface PostgresSinkOptions {
  readonly url: string;
  readonly kind: string;
  readonly catalog?: () => CatalogRows;
}

/** A chain of this name stands in the database with rules of another kind. */
export class ChainKindChanged extends Error {
  override readonly name = "ChainKindChanged";
  constructor(chain: string, stored: string, kind: string) {
    super(
      `chain ${chain} is ${stored} in the database and ${kind} in the config; give one of them another name`,
    );
  }
}

/**
 * Stores a chain's final blocks, reorgs, legs and hours in Postgres, exactly once: rows and Kafka offsets commit together.
 * Returns when `context.until` is through, or when `context.signal` aborts.
 * Throws `UntilBelowBeginning`, `DatabaseUnreachable`, `Fenced` (another copy wrote), `RecordInvalid`, `MigrationFailed`, `MigrationChanged`.
 */
export async function runPostgresSink(context: StageContext, options: PostgresSinkOptions): Promise<void> {
  const application = stageId(context, "postgres");
  const db = await openDatabase(options.url, { application, signal: context.signal });
  try {
    await persist(() => bringUpToDate(context, db), { place: db.place, ...context });
    await storeChain(context, db, options);
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    await db.close();
  }
}

async function bringUpToDate(context: StageContext, db: Database): Promise<void> {
  const { applied, missingRoles } = await migrate(db);
  if (applied.length > 0) context.log.info({ place: db.place, applied }, "postgres migrated");
  if (missingRoles.length > 0) {
    context.log.warn({ place: db.place, missingRoles }, "roles missing: create them to grant rights by them");
  }
}

/** `runPostgresSink` on a database that is open and migrated. */
export async function storeChain(
  context: StageContext,
  db: Database,
  options: Omit<PostgresSinkOptions, "url">,
): Promise<void> {
  await persist(() => registerChain(context, db, options.kind), { place: db.place, ...context });
  const { final, reorgs, flows, exchangeFlows } = context.topics;
  await context.broker.ensureTopics(topicSpecs([final, reorgs, flows, exchangeFlows], context.replication));
  await workWhenClaimed(context, db, options);
}

async function registerChain({ chain }: StageContext, db: Database, kind: string): Promise<void> {
  await db.query("insert into public.chains (chain, kind) values ($1, $2) on conflict do nothing", [
    chain,
    kind,
  ]);
  const [row] = await db.query<{ kind: string }>("select kind from public.chains where chain = $1", [chain]);
  if (row !== undefined && row.kind !== kind) throw new ChainKindChanged(chain, row.kind, kind);
}

/** Whoever holds the claim on final works; the others stand by, here. A claim that was taken away is asked for again. */
async function workWhenClaimed(
  context: StageContext,
  db: Database,
  options: Omit<PostgresSinkOptions, "url">,
): Promise<void> {
  const { broker, log, signal, topics } = context;
  const group = stageId(context, "postgres");
  const lanes = lanesOf(context, group);
  while (!signal.aborted && !(await isPast(context, db, lanes))) {
    const claim = await broker.claim({ group, topic: topics.final }, signal);
    try {
      await persist(() => endOpenTransactions(db, group), { place: db.place, ...context });
      const halt = AbortSignal.any([signal, claim.lost]);
      await runLanes({ context, db, halt, onStored: await followUp(context, db, options) }, lanes);
      if (!halt.aborted) return;
    } catch (error) {
      if (!claim.lost.aborted) throw error;
    } finally {
      if (claim.lost.aborted) log.info({ group }, "claim lost: standing by");
      await claim.close();
    }
  }
}

/** What follows each batch: the catalog is kept as its files are, and the height up to which all is stored is reported. */
async function followUp(
  context: StageContext,
  db: Database,
  { catalog }: Pick<PostgresSinkOptions, "catalog">,
): Promise<(lane: Lane, applied: Applied) => Promise<void>> {
  const report = heightReporter(context);
  const noteForeign = foreignLabels(context, db);
  let synced: string | undefined;
  const sync = async () => {
    const rows = catalog?.();
    if (rows === undefined || rows.version === synced) return;
    await persist(() => syncCatalog(db, rows), { place: db.place, ...context });
    synced = rows.version;
  };
  await sync();
  return async (lane, { through, labelVersions }) => {
    report(lane.kind, through);
    if (lane.kind !== "flows" || catalog === undefined) return;
    await sync();
    await noteForeign(labelVersions);
  };
}

/** Says once of each version of labels that flows made legs by it, and the tables do not hold it. */
function foreignLabels(context: StageContext, db: Database): (versions: readonly string[]) => Promise<void> {
  const { chain, log } = context;
  const known = new Set<string>();
  return async (versions) => {
    for (const version of versions) {
      if (known.has(version)) continue;
      known.add(version);
      const isHeld = await persist(() => holdsVersion(db, { chain, version }), {
        place: db.place,
        ...context,
      });
      if (isHeld) continue;
      log.warn(
        { version },
        "legs were made by labels that the tables never had: where flows has them still, give it and the sinks the same label files",
      );
    }
  };
}

function heightReporter({ report }: StageContext): (kind: TopicKind, through: number | undefined) => void {
  const heights = new Map<TopicKind, number>();
  let reported = -1;
  return (kind, through) => {
    if (through !== undefined) heights.set(kind, through);
    const height = heights.size < HEIGHT_KINDS ? -1 : Math.min(...heights.values());
    if (height <= reported) return;
    reported = height;
    report({ kind: "stored", store: "postgres", height });
  };
}

function lanesOf({ chain, topics }: StageContext, owner: string): readonly Lane[] {
  return [
    { chain, owner, kind: "final", topic: topics.final },
    { chain, owner, kind: "reorgs", topic: topics.reorgs },
    { chain, owner, kind: "flows", topic: topics.flows },
    { chain, owner, kind: "exchangeFlows", topic: topics.exchangeFlows },
  ];
}

/** Whether everything up to `until` stands already (reorgs before it do when the final block does). */
async function isPast(context: StageContext, db: Database, lanes: readonly Lane[]): Promise<boolean> {
  const { until } = context;
  if (until === undefined) return false;
  const progress = await persist(() => readProgress(db, context.chain), { place: db.place, ...context });
  const past = lanes
    .filter((lane) => lane.kind !== "reorgs")
    .every((lane) => (progress.get(lane.topic)?.through ?? -1) >= until);
  if (!past) await refuseBelowBeginning(context, context.topics.final);
  return past;
}

/** Postgres cuts off what a predecessor that was stopped in mid-transaction left open: its locks would make us wait for ever. */
async function endOpenTransactions(db: Database, owner: string): Promise<void> {
  await db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
       and application_name = left($1, 63) and xact_start is not null`,
    [owner],
  );
}
