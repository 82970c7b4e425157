import type { BlockHeader, BlockRef } from "../stream/block.ts";
import type { FinalityPolicy } from "../stream/finality.ts";
import { firstHeight, headerHeight, UntilBelowBeginning } from "../stream/kafka/beginning.ts";
import type { Writer } from "../stream/kafka/broker.ts";
import { Fenced, TopicEmptied } from "../stream/kafka/errors.ts";
import { type StageContext, stageId } from "../stream/kafka/stage.ts";
import { readLast } from "../stream/kafka/tail.ts";
import { topicSpecs } from "../stream/kafka/topics.ts";
import { follow } from "./abort.ts";
import {
  advance,
  capOf,
  finalizedFor,
  firstSpan,
  type Goal,
  isDone,
  nextStep,
  type Progress,
  type Step,
  spanBehind,
} from "./announce.ts";
import { type LineLimits, workInOrder } from "./line.ts";
import { watchProofs } from "./other-proofs.ts";
import { RECALL_OFFSETS, recallProgress } from "./recall.ts";
import { rawRecord } from "./record.ts";
import type { ChainView, Source, Span } from "./source.ts";

/**
 * Blocks under way hide a distant node's latency; the bytes keep a backfill of big blocks within a small machine.
 * A transaction of several blocks costs the broker little more than one of a single block, and stays well below its timeout.
 */
const LIMITS: LineLimits = {
  underWay: 16,
  bytes: 64 << 20,
  leastItems: 8,
  batchItems: 64,
  batchBytes: 24 << 20,
};

/** How ingest walks its chain: from where, how it becomes final, and how often the head is asked for. */
export interface IngestOptions {
  readonly start: number | "latest";
  readonly policy: FinalityPolicy;
  readonly pollMs: number;
}

/**
 * Announces the node's canonical chain on raw, in order, until the context's signal aborts or `until` is reached.
 * A second copy waits in the group. Throws `UntilBelowBeginning`, `NodesUnreachable`, `ProofFailed`, `Fenced`,
 * `TopicEmptied`, `TopicMisconfigured`.
 */
export async function runIngest(
  context: StageContext,
  source: Source,
  options: IngestOptions,
): Promise<void> {
  try {
    await context.broker.ensureTopics(
      topicSpecs([context.topics.raw, context.topics.final], context.replication),
    );
    if (await isPast(context, options)) return;
    await claimAndWalk(context, source, options);
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}

/** Seen without a claim, so that a copy with nothing to do does not wait for the one that works. */
async function isPast(context: StageContext, { start, policy }: IngestOptions): Promise<boolean> {
  const { until, broker, topics } = context;
  if (until === undefined) return false;
  const progress = await recallProgress(context, RECALL_OFFSETS);
  const begins = progress.branch.length > 0 ? await firstHeight(broker, topics.raw, headerHeight) : start;
  if (begins !== undefined && begins !== "latest") await refuseBelow(context, begins);
  return isDone(progress, until, policy);
}

/** Nothing below a chain's beginning becomes final. Where a block above it is final already, every stage is past `until`. */
async function refuseBelow({ until, broker, topics }: StageContext, begins: number): Promise<void> {
  if (until === undefined || begins <= until) return;
  if ((await readLast(broker, topics.final)) === undefined) throw new UntilBelowBeginning({ begins, until });
}

async function claimAndWalk(context: StageContext, source: Source, options: IngestOptions): Promise<void> {
  const id = stageId(context, "ingest");
  const claim = await context.broker.claim({ group: id, topic: context.topics.raw }, context.signal);
  const { signal, release } = follow(AbortSignal.any([context.signal, claim.lost]));
  try {
    const writer = await context.broker.openWriter(id);
    try {
      await walk({ context, source, options, writer, signal, noteProofs: await watchProofs(context) });
    } finally {
      await writer.close();
    }
  } catch (error) {
    throw claim.lost.aborted ? new Fenced(id, { cause: error }) : error;
  } finally {
    release();
    await claim.close();
  }
}

/** What a walk works with. */
interface Walk {
  readonly context: StageContext;
  readonly source: Source;
  readonly options: IngestOptions;
  readonly writer: Writer;
  readonly signal: AbortSignal;
  /** To be told by what each block was proven before it is written. */
  readonly noteProofs: (proofs: readonly string[]) => void;
}

/** Looks, decides, announces: until it is done. */
async function walk(edge: Walk): Promise<void> {
  const { context, source, options, signal } = edge;
  const { until } = context;
  const goal: Goal = { start: options.start, until, cap: capOf(until, options.policy) };
  let offsets = RECALL_OFFSETS;
  let progress = await recallProgress(context, offsets);
  if (progress.branch.length === 0) await refuseEmptied(context);
  await noteOtherStart(context, options);
  await source.check(signal);
  let span: Span | undefined = firstSpan(progress, goal, undefined);
  /** Whether this run has announced a head yet. */
  let told = false;
  let ahead: Promise<ChainView> | undefined;
  while (!isDone(progress, until, options.policy)) {
    const view = await (ahead ?? source.view(span, signal));
    ahead = undefined;
    const step = nextStep(progress, view, goal);
    switch (step.kind) {
      case "past":
        return refuseBelow(context, step.begins);
      case "look":
        span = step.span;
        continue;
      case "recall":
        offsets *= 4;
        progress = await recallProgress(context, offsets);
        continue;
      case "announce":
      case "settled":
      case "wait": {
        const before = progress;
        const run = runOf(step, { progress, view, options, told });
        ahead = lookAhead(edge, { run, view, goal });
        progress = await announce(edge, { progress, view, run });
        if (progress !== before || step.kind === "settled") source.noteAgreed();
        if (progress === before) await source.nextHead(options.pollMs, signal);
        else told = true;
        span = firstSpan(progress, goal, view.head.height);
        continue;
      }
    }
  }
}

/** Raw begins once: the offsets of one made anew would tell the gate, and those who keep its reorgs, of other announcements. */
async function refuseEmptied({ broker, topics }: StageContext): Promise<void> {
  if ((await readLast(broker, topics.final)) !== undefined) throw new TopicEmptied(topics.raw);
}

/** A chain begins once: where the config names another `start` later, raw goes on all the same. */
async function noteOtherStart(
  { broker, topics, log }: StageContext,
  { start }: IngestOptions,
): Promise<void> {
  const begun = start === "latest" ? undefined : await firstHeight(broker, topics.raw, headerHeight);
  if (begun === undefined || begun === start) return;
  log.warn(
    { start, begun },
    "start has no effect: the chain has begun; another start needs another chain name",
  );
}

/** In a backfill the node is asked for the next window while the blocks of this one are under way. */
function lookAhead(
  { source, signal }: Walk,
  known: { readonly run: readonly BlockHeader[]; readonly view: ChainView; readonly goal: Goal },
): Promise<ChainView> | undefined {
  const span = spanBehind(known.run, known.view, known.goal);
  if (span === undefined) return undefined;
  const view = source.view(span, signal);
  // Whoever awaits it hears of its failure; where announcing fails before, nobody does.
  view.catch(() => undefined);
  return view;
}

/** What there is to announce: a settled head once more where the finalized block moved, and at each start (DESIGN §4). */
function runOf(
  step: Extract<Step, { kind: "announce" | "settled" | "wait" }>,
  known: { progress: Progress; view: ChainView; options: IngestOptions; told: boolean },
): readonly BlockHeader[] {
  if (step.kind === "announce") return step.run;
  if (step.kind === "wait" || known.options.policy.kind !== "tag") return [];
  const finalized = finalizedFor(step.tip, known.view);
  return !known.told || isHigher(finalized, known.progress.finalized) ? [step.tip] : [];
}

function isHigher(one: BlockRef | undefined, other: BlockRef | undefined): boolean {
  return (one?.height ?? -1) > (other?.height ?? -1);
}

/** Fetches, proves and writes a run of blocks; ends early, before a block that no node has any more. */
async function announce(
  edge: Walk,
  plan: { readonly progress: Progress; readonly view: ChainView; readonly run: readonly BlockHeader[] },
): Promise<Progress> {
  const { context, source, writer, signal } = edge;
  const { chain, topics } = context;
  let { progress } = plan;
  const proven = workInOrder(plan.run, (header, leave) => source.block(header, leave), LIMITS, signal);
  for await (const blocks of proven) {
    const announced = blocks.map((block) => ({ block, finalized: finalizedFor(block.header, plan.view) }));
    signal.throwIfAborted();
    for (const { proofs } of blocks) edge.noteProofs(proofs);
    await writer.commit(
      announced.map(({ block, finalized }) => rawRecord({ topic: topics.raw, chain }, block, finalized)),
    );
    for (const { block, finalized } of announced) {
      progress = advance(progress, { header: block.header, finalized });
      context.report({ kind: "announced", block: block.header, nodeHead: plan.view.head.height });
    }
  }
  return progress;
}
