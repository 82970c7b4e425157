import { type HeightOf, refuseBelowBeginning } from "./beginning.ts";
import type { Claim, KafkaRecord, OutgoingRecord, Writer } from "./broker.ts";
import { Fenced, OffsetMoved } from "./errors.ts";
import { Opened } from "./opened.ts";
import { OrderBroken } from "./order.ts";
import { type StageContext, type StageEvent, stageId } from "./stage.ts";
import { topicSpecs } from "./topics.ts";

/**
 * One read, and so, mostly, one transaction: small enough to be over in a blink, big enough to amortize it, also for blocks of
 * 2 MB. As much as a reader's queue holds.
 */
const READ_LIMITS = { maxRecords: 64, maxBytes: 16 * 1024 * 1024 };

/** A transaction ends when it holds this much, since one input can release many blocks. */
const TRANSACTION_RECORDS = 4096;
const TRANSACTION_BYTES = 16 * 1024 * 1024;

/** For a stage that may read its whole input again: what stands is not written twice. */
export function readAllAgain(group: string): string {
  return `stop the stage's copies and run kafka-consumer-groups.sh --group ${group} --all-topics --reset-offsets --to-earliest --execute`;
}

/** What one input, or a part of it, results in: written whole or not at all. */
export interface Outcome {
  readonly records: readonly OutgoingRecord[];
  /** The oldest input offset that is still needed once `records` stand. */
  readonly hold: number;
  /** Told to the watcher once `records` stand. */
  readonly event?: StageEvent;
}

/** A stage's own part of the hold pattern: deterministic, so that a replay yields the same. */
export interface Holder {
  /** The input offset from which it goes on, where its output tells that better than the group's offset does. */
  readonly start?: number | undefined;
  /** What `input` results in, what stands already left out. Throws where the stage must stop; what it yielded before is written. */
  process(input: KafkaRecord): Iterable<Outcome> | AsyncIterable<Outcome>;
  /** The oldest input offset that is still needed when all below `next` is processed. */
  hold(next: number): number;
  /** All up to `until` is through. */
  done(): boolean;
  close(): Promise<void>;
}

/** A stage that keeps state without a state store. */
export interface HoldPlan {
  readonly stage: string;
  readonly input: string;
  /** Of the input's records. */
  readonly heightOf: HeightOf;
  readonly outputs: readonly string[];
  /** The height of the last outcome that stands in the output; undefined: none. */
  readonly standing: () => Promise<number | undefined>;
  /** What to do when somebody moved the group's committed offset ahead. */
  readonly mendMoved: (group: string) => string;
  /** Rebuilds what the output's tail says. `committed`: the hold offset; undefined: none, replay from the input's beginning. */
  readonly open: (committed: number | undefined) => Promise<Holder>;
}

/**
 * Runs a stage by the hold pattern. The committed offset is the oldest input still needed: each start replays from there,
 * and skips what stands in the output. Waits as a standby while another copy works.
 * Returns when `until` is through or `signal` aborts; throws `Fenced` when another copy took over, and `UntilBelowBeginning`.
 */
export async function runHold(context: StageContext, plan: HoldPlan): Promise<void> {
  if (context.signal.aborted) return;
  const opened = new Opened();
  const ending = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    context.signal.addEventListener("abort", () => resolve(), { signal: ending.signal });
  });
  try {
    await Promise.race([work(context, plan, opened), stopped]);
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    ending.abort();
    await opened.close();
  }
}

async function work(context: StageContext, plan: HoldPlan, opened: Opened): Promise<void> {
  const { broker, signal } = context;
  await broker.ensureTopics(topicSpecs([plan.input, ...plan.outputs], context.replication));
  if (await isPast(context, plan)) return;
  const id = stageId(context, plan.stage);
  const claim = await opened.add(broker.claim({ group: id, topic: plan.input }, signal));
  const lost = new Promise<never>((_, reject) => {
    if (claim.lost.aborted) reject(new Fenced(id));
    claim.lost.addEventListener("abort", () => reject(new Fenced(id)));
  });
  await Promise.race([own(context, plan, { id, claim, opened }), lost]);
}

/** In this order: fence, so that nothing is in doubt; the committed offset; the output's tail. */
async function own(
  context: StageContext,
  plan: HoldPlan,
  { id, claim, opened }: { readonly id: string; readonly claim: Claim; readonly opened: Opened },
): Promise<void> {
  const writer = await opened.add(context.broker.openWriter(id));
  const committed = await claim.committed();
  const holder = await opened.add(plan.open(committed));
  if (await isPast(context, plan)) return;
  const start = holder.start ?? committed ?? (await context.broker.bounds(plan.input)).low;
  const reader = await opened.add(context.broker.openReader(plan.input, start));
  const transactions = new Transactions(context, { writer, claim }, committed);
  let first: number | undefined;
  try {
    while (!holder.done() && !context.signal.aborted) {
      const inputs = await reader.read(READ_LIMITS);
      if (first === undefined && inputs.length > 0)
        await refuseBelowBeginning(context, plan.input, plan.heightOf);
      first ??= inputs[0]?.offset;
      await step(inputs, holder, transactions);
    }
  } catch (error) {
    if (start !== committed || !(error instanceof OrderBroken) || error.offset !== first) throw error;
    const remedy = plan.mendMoved(id);
    throw new OffsetMoved({ group: id, topic: plan.input, offset: committed }, remedy, { cause: error });
  }
}

async function step(
  inputs: readonly KafkaRecord[],
  holder: Holder,
  transactions: Transactions,
): Promise<void> {
  try {
    for (const input of inputs) {
      for await (const outcome of holder.process(input)) await transactions.add(outcome);
      transactions.reach(holder.hold(input.offset + 1));
      if (holder.done()) break;
    }
  } catch (error) {
    await transactions.commit();
    throw error;
  }
  await transactions.commit();
}

async function isPast(context: StageContext, plan: HoldPlan): Promise<boolean> {
  const { until } = context;
  if (until === undefined) return false;
  const height = await plan.standing();
  if (height === undefined) await refuseBelowBeginning(context, plan.input, plan.heightOf);
  return height !== undefined && height >= until;
}

/** Packs outcomes into transactions, each with the hold offset that its last outcome leaves. */
class Transactions {
  readonly #report: StageContext["report"];
  readonly #owner: { readonly writer: Writer; readonly claim: Claim };
  #outcomes: Outcome[] = [];
  #records = 0;
  #bytes = 0;
  /** A group's first offset comes with output: one that has an offset, but no output, has lost it. */
  #committed: number | undefined;
  #reached: number | undefined;
  /** A commit failed: whatever it did, nothing may follow it. */
  #failed = false;

  constructor(
    context: StageContext,
    owner: { readonly writer: Writer; readonly claim: Claim },
    committed: number | undefined,
  ) {
    this.#report = context.report;
    this.#owner = owner;
    this.#committed = committed;
    this.#reached = committed;
  }

  async add(outcome: Outcome): Promise<void> {
    this.#outcomes.push(outcome);
    this.#records += outcome.records.length;
    this.#bytes += outcome.records.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0);
    this.#reached = outcome.hold;
    if (this.#records >= TRANSACTION_RECORDS || this.#bytes >= TRANSACTION_BYTES) await this.commit();
  }

  /** All inputs that led to `hold` are processed. */
  reach(hold: number): void {
    this.#reached = hold;
  }

  async commit(): Promise<void> {
    const outcomes = this.#outcomes;
    const offset = this.#reached;
    if (this.#failed || offset === undefined) return;
    if (outcomes.length === 0 && (offset === this.#committed || this.#committed === undefined)) return;
    this.#failed = true;
    await this.#owner.writer.commit(
      outcomes.flatMap((outcome) => outcome.records),
      { claim: this.#owner.claim, offset },
    );
    this.#failed = false;
    this.#outcomes = [];
    this.#records = 0;
    this.#bytes = 0;
    this.#committed = offset;
    for (const { event } of outcomes) if (event !== undefined) this.#report(event);
  }
}
