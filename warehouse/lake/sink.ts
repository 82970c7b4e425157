import { refuseBelowBeginning } from "../../stream/kafka/beginning.ts";
import type { Claim, KafkaRecord, Reader } from "../../stream/kafka/broker.ts";
import type { Clock } from "../../stream/kafka/clock.ts";
import { Fenced } from "../../stream/kafka/errors.ts";
import { lowestRewind } from "../../stream/kafka/rewound.ts";
import { type StageContext, stageId } from "../../stream/kafka/stage.ts";
import { topicSpecs } from "../../stream/kafka/topics.ts";
import type { Day } from "../day.ts";
import type { OrderCheck } from "../order.ts";
import type { DayStore } from "./day-store.ts";
import { LAKE_EDGE, type LakeEdge } from "./edge.ts";
import { type ChainLake, isStored, openChainLake } from "./lake.ts";
import { whileWritable } from "./outage.ts";
import { Watermarks } from "./progress.ts";
import { blocksTap, hourlyTap, isThrough, legsTap, type Shore, type Tap } from "./taps.ts";

/** How `runLakeSink` works. */
export interface LakeOptions {
  /** The lake's folder; staging lies beside it. */
  readonly lake: string;
  /** How long rows of open days wait before their files are replaced; default 5 s; 0: not at all, after every read. */
  readonly flushMs?: number;
  /** Default: disk and DuckDB. */
  readonly edge?: LakeEdge;
}

const FLUSH_MS = 5000;
/** A day's file is rewritten whole: writing may take this part of the time at most, so the bigger the day, the rarer. */
const WRITING_SHARE = 0.1;
/** Raw blocks of main-net are some 250 KB, their flows 30 KB: enough at once to be quick, little enough to be small. */
const READ_BYTES = 4 * 1024 * 1024;
/** How often a stage that is through looks whether the others are. */
const REST_MS = 20;

/**
 * Writes a chain's day files: `blocks` from final, `flow_legs` from flows, `exchange_flows_hourly` from exchange flows.
 * A standby waits for the group of the final topic, then takes the lake over. Throws `UntilBelowBeginning`, `Fenced`, `DayClosed`, `LakeUnwritable`, and what Kafka throws.
 */
export async function runLakeSink(context: StageContext, options: LakeOptions): Promise<void> {
  const { broker, topics, signal } = context;
  const { edge = LAKE_EDGE } = options;
  await broker.ensureTopics(
    topicSpecs([topics.final, topics.flows, topics.exchangeFlows], context.replication),
  );
  const isThere = () => isStored(edge, context, options.lake);
  let through = (await whileWritable(context, options.lake, isThere)) ?? false;
  if (!through) await refuseBelowBeginning(context, topics.final);
  while (!through && !signal.aborted) {
    const claim = await unlessAborted(signal, () =>
      broker.claim({ group: stageId(context, "parquet"), topic: topics.final }, signal),
    );
    if (claim === undefined) return;
    try {
      const work = () => workAsOwner(context, options, claim);
      through = (await whileWritable(context, options.lake, work)) ?? false;
    } finally {
      await claim.close();
    }
  }
}

/** True when `until` is through; false when the claim was lost or the stage is to stop. */
async function workAsOwner(context: StageContext, options: LakeOptions, claim: Claim): Promise<boolean> {
  const stop = AbortSignal.any([context.signal, claim.lost]);
  const owner = stageId(context, "parquet");
  const where = { lake: options.lake, chain: context.chain, owner };
  const lake = await openChainLake(options.edge ?? LAKE_EDGE, where);
  try {
    return await new Sink(context, options, lake).run(stop, claim.lost);
  } catch (error) {
    throw (await lake.isLost()) ? new Fenced(owner, { cause: error }) : error;
  } finally {
    await lake.close();
  }
}

class Sink {
  readonly #context: StageContext;
  readonly #flushMs: number;
  readonly #shore: Shore;
  readonly #taps: readonly (Tap & { readonly topic: string })[];
  readonly #halt = new AbortController();
  /** DuckDB writes one file at a time: memory is bounded by that. */
  #writing: Promise<void> = Promise.resolve();
  #reported = -1;
  #seen: { readonly day: Day; readonly rewinds: number } | undefined;

  constructor(context: StageContext, options: LakeOptions, lake: ChainLake) {
    this.#context = context;
    this.#flushMs = options.flushMs ?? FLUSH_MS;
    const { stores } = lake;
    this.#shore = {
      chain: context.chain,
      watermarks: new Watermarks(),
      until: context.until,
      see: (day, rewinds) => this.#see(day, rewinds),
      lowestRewind: (rewinds) => lowestRewind(context.broker, context.topics.flows, rewinds),
    };
    this.#taps = [
      { topic: context.topics.final, ...blocksTap(this.#shore, stores.blocks) },
      { topic: context.topics.flows, ...legsTap(this.#shore, stores.flow_legs) },
      { topic: context.topics.exchangeFlows, ...hourlyTap(this.#shore, stores.exchange_flows_hourly) },
    ];
    this.#shareDays();
    const { taken } = stores.exchange_flows_hourly;
    if (taken.watermark !== null) this.#shore.watermarks.add(taken, taken.watermark);
  }

  async run(stop: AbortSignal, lost: AbortSignal): Promise<boolean> {
    const halted = AbortSignal.any([stop, this.#halt.signal]);
    const outcomes = await Promise.allSettled(this.#taps.map((tap) => this.#follow(tap, halted)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    // What was only read is not stored: the next owner reads it again, and that may be us.
    if (lost.aborted) return false;
    const through = this.#allThrough();
    for (const { store } of this.#taps) await this.#flush(store, through);
    return through;
  }

  /** Reads one topic until `until` is through on all three: only then it is known which days are over. */
  async #follow(tap: Tap & { readonly topic: string }, halted: AbortSignal): Promise<void> {
    try {
      const reader = await this.#openReader(tap);
      const { height } = tap.store.taken;
      const last = height === -1 ? undefined : { height };
      const inOrder = tap.order(this.#context.broker, { last, next: reader.position() });
      try {
        const pace = new Pace(this.#context.clock, this.#flushMs);
        while (!halted.aborted && !this.#allThrough()) {
          if (isThrough(tap.store, this.#context.until)) await this.#context.clock.sleep(REST_MS);
          else await this.#takeAll(tap, await reader.read({ maxBytes: READ_BYTES }), inOrder);
          if (!halted.aborted) await this.#keep(tap.store, pace);
        }
      } finally {
        await reader.close();
      }
    } catch (error) {
      this.#halt.abort();
      throw error;
    }
  }

  async #takeAll(tap: Tap, records: readonly KafkaRecord[], inOrder: OrderCheck): Promise<void> {
    await inOrder(records);
    const { rewinds } = tap.store.taken;
    for (const record of records) {
      if (isThrough(tap.store, this.#context.until)) break;
      const goesOn = tap.takesBack(record) ? await this.#takeBack(tap, record) : tap.take(record);
      if (goesOn) continue;
      await refuseBelowBeginning(this.#context, this.#context.topics.final);
      break;
    }
    if (tap.store.taken.rewinds > rewinds) this.#shareDays();
  }

  async #takeBack(tap: Tap, record: KafkaRecord): Promise<boolean> {
    const turn = this.#writing.then(() => tap.takeBack(record));
    this.#writing = turn.then(nothing, nothing);
    const goesOn = await turn;
    this.#reported = -1;
    return goesOn;
  }

  async #openReader({ topic, store }: Tap & { readonly topic: string }): Promise<Reader> {
    const { broker } = this.#context;
    const from = store.taken.height === -1 ? (await broker.bounds(topic)).low : store.taken.nextOffset;
    return broker.openReader(topic, from);
  }

  async #keep(store: DayStore, pace: Pace): Promise<void> {
    await store.spill();
    if (!pace.isDue(store.dirty) && !store.hasOver(this.#watermarkOf(store))) return;
    await pace.measure(() => this.#flush(store));
  }

  async #flush(store: DayStore, all = false): Promise<void> {
    const turn = this.#writing.then(() => store.flush(this.#watermarkOf(store), all));
    this.#writing = turn.catch(() => undefined);
    await turn;
    this.#shore.watermarks.forget(this.#taps.map((tap) => tap.store.taken));
    this.#report();
  }

  #report(): void {
    const height = Math.min(...this.#taps.map(({ store }) => store.stored));
    if (height <= this.#reported) return;
    this.#reported = height;
    this.#context.report({ kind: "stored", store: "parquet", height });
  }

  #watermarkOf(store: DayStore): number | null {
    return this.#shore.watermarks.at(store.taken);
  }

  /** Tables before and after a rewind follow different branches: what one knows of its days means nothing to the other. */
  #see(day: Day, rewinds: number): void {
    if (day === this.#seen?.day && rewinds === this.#seen.rewinds) return;
    this.#seen = { day, rewinds };
    for (const { store } of this.#taps) if (store.taken.rewinds === rewinds) store.know(day);
  }

  /** Once a table has followed a rewind, it and those that did so before know of each other's days again. */
  #shareDays(): void {
    for (const { store } of this.#taps) for (const day of store.days) this.#see(day, store.taken.rewinds);
    this.#seen = undefined;
  }

  #allThrough(): boolean {
    return this.#taps.every(({ store }) => isThrough(store, this.#context.until));
  }
}

/** When open days are to be written: `flushMs` after their first new row, or later where writing takes long. */
class Pace {
  readonly #clock: Clock;
  readonly #flushMs: number;
  #dirtySince: number | undefined;
  #restUntil = 0;

  constructor(clock: Clock, flushMs: number) {
    this.#clock = clock;
    this.#flushMs = flushMs;
  }

  isDue(dirty: boolean): boolean {
    if (!dirty) return false;
    const now = this.#clock.now();
    this.#dirtySince ??= now;
    return now >= Math.max(this.#dirtySince + this.#flushMs, this.#restUntil);
  }

  async measure(write: () => Promise<void>): Promise<void> {
    const before = this.#clock.now();
    await write();
    const after = this.#clock.now();
    this.#dirtySince = undefined;
    if (this.#flushMs > 0) this.#restUntil = after + ((after - before) * (1 - WRITING_SHARE)) / WRITING_SHARE;
  }
}

function nothing(): void {}

/** Undefined when `signal` aborted the work. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
