import type { BlockHeader, BlockRef } from "../stream/block.ts";
import type { FinalityPolicy } from "../stream/finality.ts";
import type { ChainView, Span } from "./source.ts";

/** How many headers of the announced branch are remembered; a deeper reorg is looked up in raw. */
const BRANCH_LENGTH = 1_024;
/** How many headers above the tip one view asks for: a window of a backfill. */
export const WINDOW = 512;
/** How far below the tip a first look for the common ancestor goes: most reorgs are a block or two deep. */
const FIRST_LOOK = 8;

/** A block to be announced, or that was: its place, and what the record says of the finalized block. */
export interface Announced {
  readonly header: BlockHeader;
  readonly finalized: BlockRef | undefined;
}

/** What ingest has announced so far, as far as it matters for the next announcement. */
export interface Progress {
  /** The branch of the newest record, oldest first, each block the parent of the next. */
  readonly branch: readonly BlockHeader[];
  /** Nothing was ever announced below the branch's first block. */
  readonly rooted: boolean;
  /** Height of the newest final block, as far as it is known. */
  readonly released?: number | undefined;
  /** The highest height announced, on whatever branch, since what the newest final block was released upon. */
  readonly highest: number | undefined;
  /** The highest finalized block that a record named since then. */
  readonly finalized: BlockRef | undefined;
}

/** Where the walk begins, the height that is to become final (`--until`), and above which one nothing is announced for it. */
export interface Goal {
  readonly start: number | "latest";
  readonly until: number | undefined;
  readonly cap: number | undefined;
}

/** What to do after a look at the node's chain. */
export type Step =
  /** Announce these, parents first; the first one's parent was announced before. */
  | { readonly kind: "announce"; readonly run: readonly BlockHeader[] }
  /** The node agrees with our tip, and there is nothing above it to announce. */
  | { readonly kind: "settled"; readonly tip: BlockHeader }
  /** The node lags, or contradicts itself: look again later. */
  | { readonly kind: "wait" }
  /** The answer lies at heights that were not asked for. */
  | { readonly kind: "look"; readonly span: Span }
  /** The chain begins above the height that is wanted. */
  | { readonly kind: "past"; readonly begins: number }
  /** The common ancestor is older than what is remembered. */
  | { readonly kind: "recall" };

/** Nothing announced yet. */
export const NO_PROGRESS: Progress = { branch: [], rooted: true, highest: undefined, finalized: undefined };

/** The progress after one more record; `length` bounds the branch that is kept. */
export function advance(progress: Progress, announced: Announced, length = BRANCH_LENGTH): Progress {
  const { header, finalized } = announced;
  return {
    ...progress,
    ...append(progress, header, length),
    highest: Math.max(progress.highest ?? 0, header.height),
    finalized:
      (finalized?.height ?? -1) > (progress.finalized?.height ?? -1) ? finalized : progress.finalized,
  };
}

function append(
  progress: Progress,
  header: BlockHeader,
  length: number,
): Pick<Progress, "branch" | "rooted"> {
  const { branch, rooted } = progress;
  const below = branch.findLastIndex((block) => block.hash === header.parent);
  if (below >= 0) {
    const kept = [...branch.slice(0, below + 1), header];
    return { branch: kept.slice(-length), rooted: rooted && kept.length <= length };
  }
  const again = branch.findLastIndex((block) => block.hash === header.hash);
  return { branch: again >= 0 ? branch.slice(0, again + 1) : [header], rooted };
}

/** The heights of the first look after `progress`; `headHeight` is the node's head as seen last. */
export function firstSpan(progress: Progress, goal: Goal, headHeight: number | undefined): Span | undefined {
  const from = progress.branch.at(-1)?.height ?? goal.start;
  if (from === "latest") return undefined;
  return { from, to: Math.min(Math.max(headHeight ?? from, from) + 1, from + WINDOW) };
}

/** The heights of the next look after `run`, where all of them lay below the node's head already; undefined: near the head only a fresh look will do. */
export function spanBehind(run: readonly BlockHeader[], view: ChainView, goal: Goal): Span | undefined {
  const from = run.at(-1)?.height;
  if (from === undefined || from + WINDOW > topOf(view, goal)) return undefined;
  return { from, to: from + WINDOW };
}

/** Decides what a look at the node's chain means. Pure: the same view and progress give the same step. */
export function nextStep(progress: Progress, view: ChainView, goal: Goal): Step {
  const { branch, rooted } = progress;
  const [first] = branch;
  const tip = branch.at(-1);
  if (first === undefined || tip === undefined) return begin(view, goal, goal.start);
  const common = commonAncestor(branch, view);
  switch (common.kind) {
    case "found":
      return above(common.block, tip, { view, goal });
    case "unasked":
      return { kind: "look", span: lookBelow(common.height, { first, tip, view }) };
    case "unknown":
      return { kind: "wait" };
    case "none":
      return rooted ? begin(view, goal, first.height) : { kind: "recall" };
  }
}

type Common =
  | { readonly kind: "found"; readonly block: BlockHeader }
  | { readonly kind: "unasked"; readonly height: number }
  | { readonly kind: "unknown" }
  | { readonly kind: "none" };

/** The newest block of our branch that is canonical for the node. */
function commonAncestor(branch: readonly BlockHeader[], view: ChainView): Common {
  const seen = branch.filter((block) => block.height <= view.head.height);
  if (seen.length === 0) return { kind: "unknown" };
  for (const block of seen.toReversed()) {
    if (!isAsked(view, block.height)) return { kind: "unasked", height: block.height };
    const canonical = canonicalAt(view, block.height);
    if (canonical === undefined) return { kind: "unknown" };
    if (canonical.hash === block.hash) return { kind: "found", block };
  }
  return { kind: "none" };
}

function above(ancestor: BlockHeader, tip: BlockHeader, seen: { view: ChainView; goal: Goal }): Step {
  const { view, goal } = seen;
  const top = topOf(view, goal);
  const run = linkedRun(ancestor, view, top);
  if (run.length > 0) return { kind: "announce", run };
  const next = ancestor.height + 1;
  if (next > top) return ancestor.hash === tip.hash ? { kind: "settled", tip } : { kind: "wait" };
  if (isAsked(view, next)) return { kind: "wait" };
  return {
    kind: "look",
    span: { from: ancestor.height, to: Math.min(view.head.height, ancestor.height + WINDOW) },
  };
}

/** Begins the chain at a height: `start`, or again there where a rival took the first block's place. */
function begin(view: ChainView, goal: Goal, start: number | "latest"): Step {
  const height = start === "latest" ? view.head.height : start;
  const first = canonicalAt(view, height);
  const top = topOf(view, goal);
  if (goal.until !== undefined && height > goal.until) return { kind: "past", begins: height };
  if (first === undefined) return { kind: "wait" };
  return { kind: "announce", run: [first, ...linkedRun(first, view, top)] };
}

/** The canonical blocks above `parent` as far as each is the next one's parent: where they are not, the node moved under us. */
function linkedRun(parent: BlockHeader, view: ChainView, top: number): readonly BlockHeader[] {
  const run: BlockHeader[] = [];
  let below = parent;
  while (below.height < top && run.length < WINDOW) {
    const next = canonicalAt(view, below.height + 1);
    if (next?.parent !== below.hash) break;
    run.push(next);
    below = next;
  }
  return run;
}

/** Each look goes four times as deep as the one before. */
function lookBelow(height: number, known: { first: BlockHeader; tip: BlockHeader; view: ChainView }): Span {
  const { first, tip, view } = known;
  const depth = Math.max(FIRST_LOOK, 3 * (tip.height - height));
  return {
    from: Math.max(first.height, height - depth),
    to: Math.min(view.head.height, tip.height + WINDOW),
  };
}

/** What stands above the node's head is not its chain: after a crash a node still serves such blocks by number. */
function canonicalAt(view: ChainView, height: number): BlockHeader | undefined {
  if (height > view.head.height) return undefined;
  return height === view.head.height ? view.head : view.headers.get(height);
}

function isAsked(view: ChainView, height: number): boolean {
  return height === view.head.height || view.headers.has(height);
}

function topOf(view: ChainView, goal: Goal): number {
  return Math.min(view.head.height, goal.cap ?? view.head.height);
}

/**
 * What the record of a canonical block says of the finalized block: the block itself where it stands at or below the
 * finalized height, since this same view has it canonical there; else the node's finalized block.
 */
export function finalizedFor(header: BlockHeader, view: ChainView): BlockRef | undefined {
  const { finalized } = view;
  if (finalized === undefined || header.height > finalized.height) return finalized;
  return { height: header.height, hash: header.hash };
}

/** The highest height that has to be announced so that `until` becomes final. */
export function capOf(until: number | undefined, policy: FinalityPolicy): number | undefined {
  if (until === undefined) return undefined;
  switch (policy.kind) {
    case "confirmations":
      return until + policy.confirmations - 1;
    case "tag":
      return until;
  }
}

/** Whether `until` is final, or raw holds what makes it so under the policy. */
export function isDone(progress: Progress, until: number | undefined, policy: FinalityPolicy): boolean {
  if (until === undefined) return false;
  if (progress.released !== undefined && progress.released >= until) return true;
  const reached = policy.kind === "tag" ? progress.finalized?.height : progress.highest;
  return reached !== undefined && reached >= (capOf(until, policy) ?? until);
}
