import type { NetworkRules } from "./rules.ts";
import { type Bits, bitsOf, targetOf } from "./target.ts";

/** What the rules of difficulty need to know of a block. */
export interface WorkHeader {
  readonly height: number;
  /** Unix seconds. */
  readonly time: number;
  readonly bits: Bits;
}

/** What they need to know of a block's ancestors. */
export interface WorkHistory {
  readonly parent: Pick<WorkHeader, "time" | "bits">;
  /** Of the parent's period of 2,016 blocks; undefined where its beginning is not known. */
  readonly period: Period | undefined;
  /** Of up to eleven ancestors, oldest first, Unix seconds; the parent's comes last. */
  readonly times: readonly number[];
}

interface Period {
  readonly firstTime: number;
  readonly firstBits: Bits;
  /** Of the last block that did not make use of the twenty minutes. */
  readonly earnedBits: Bits;
}

/** Blocks from one retarget to the next, and how long they should take, in seconds (Bitcoin Core, `chainparams.cpp`). */
export const PERIOD = 2_016;
const TIMESPAN_S = 14 * 24 * 60 * 60;
/** A difficulty changes by no more than this factor at once (`pow.cpp`). */
const LARGEST_STEP = 4;
/** After so many seconds without a block a test network lets one pass with the largest target (`pow.cpp`). */
const PATIENCE_S = 20 * 60;
/** How far before its parent a period's first block may be timed where BIP 94 holds, in seconds. */
const TIMEWARP_S = 600;
/** A block's time exceeds the median of so many ancestors' (`chain.h`: `nMedianTimeSpan`). */
const MEDIAN_SPAN = 11;

/** How many blocks up to the one at `height` tell all that the rules need for the block above it. */
export function historyLength(height: number, rules: NetworkRules): number {
  const ofPeriod = rules.retarget === "none" ? 1 : (height % PERIOD) + 1;
  return Math.max(ofPeriod, Math.min(MEDIAN_SPAN, height + 1));
}

/** The history of a block's child. */
export function historyAfter(
  block: WorkHeader,
  before: WorkHistory | undefined,
  rules: NetworkRules,
): WorkHistory {
  const { time, bits } = block;
  const times = [...(before?.times ?? []), time].slice(-MEDIAN_SPAN);
  return { parent: { time, bits }, period: periodAfter(block, before?.period, rules), times };
}

function periodAfter(
  { height, time, bits }: WorkHeader,
  before: Period | undefined,
  rules: NetworkRules,
): Period | undefined {
  if (height % PERIOD === 0) return { firstTime: time, firstBits: bits, earnedBits: bits };
  if (before === undefined || bits === bitsOf(rules.limit)) return before;
  return { ...before, earnedBits: bits };
}

/** The `nBits` that a block must have (Bitcoin Core, `GetNextWorkRequired`); undefined where its history does not tell. */
export function bitsRequired(
  block: Pick<WorkHeader, "height" | "time">,
  { parent, period }: WorkHistory,
  rules: NetworkRules,
): Bits | undefined {
  if (rules.retarget === "none") return undefined;
  if (block.height % PERIOD === 0) {
    if (period === undefined) return undefined;
    const base = rules.retarget === "first" ? period.firstBits : parent.bits;
    return retargeted(base, parent.time - period.firstTime, rules);
  }
  if (!rules.minDifficulty) return parent.bits;
  return block.time > parent.time + PATIENCE_S ? bitsOf(rules.limit) : period?.earnedBits;
}

/** Whether a period's first block is timed too far before its parent (BIP 94, which not every network has). */
export function isTimewarp(
  block: Pick<WorkHeader, "height" | "time">,
  { parent }: WorkHistory,
  rules: NetworkRules,
): boolean {
  return rules.retarget === "first" && block.height % PERIOD === 0 && block.time < parent.time - TIMEWARP_S;
}

/**
 * Whether a block's time does not exceed the median of its ancestors' (Bitcoin Core, `validation.cpp`: `time-too-old`), on which
 * the watermark rests; false where they are not known.
 */
export function isTooOld(
  { height, time }: Pick<WorkHeader, "height" | "time">,
  { times }: Pick<WorkHistory, "times">,
): boolean {
  if (times.length < Math.min(MEDIAN_SPAN, height)) return false;
  const median = times.toSorted((one, other) => one - other)[times.length >> 1];
  return median !== undefined && time <= median;
}

function retargeted(base: Bits, tookS: number, rules: NetworkRules): Bits | undefined {
  const target = targetOf(base);
  if (target === undefined) return undefined;
  const countedS = Math.min(Math.max(tookS, TIMESPAN_S / LARGEST_STEP), TIMESPAN_S * LARGEST_STEP);
  const next = (target * BigInt(countedS)) / BigInt(TIMESPAN_S);
  return bitsOf(next > rules.limit ? rules.limit : next);
}
