import { type BlockHash, type BlockHeader, type BlockRef, refOf } from "./block.ts";
import { unreachable } from "./unreachable.ts";

/** When a block is final (DESIGN: confirmations = tip − height + 1; or the node's own finalized block). */
export type FinalityPolicy =
  | { readonly kind: "confirmations"; readonly confirmations: number }
  | { readonly kind: "tag"; readonly tag: "finalized" };

/** One record of raw, as the gate sees it. `offset` is its Kafka offset; `finalized` what the node called finalized. */
export interface Announcement extends BlockHeader {
  readonly offset: number;
  readonly finalized: BlockRef | undefined;
}

/** A block on the gate's branch that is not final yet; `offset` is the announcement that put it there. */
export interface UnfinalizedBlock extends BlockHeader {
  readonly offset: number;
}

/** The gate's whole memory. `released` holds the newest released blocks, oldest first (bounded); the last one is *the* finalized block. */
export interface GateState {
  readonly released: readonly BlockRef[];
  readonly unfinalized: readonly UnfinalizedBlock[];
}

/** One reorg: `depth` blocks left the branch above `ancestor` because the block at raw offset `rawOffset` was announced. */
export interface Reorg {
  readonly rawOffset: number;
  readonly oldTip: BlockRef;
  readonly newTip: BlockRef;
  readonly ancestor: BlockRef;
  readonly depth: number;
  /** Newest first. */
  readonly orphaned: readonly BlockHeader[];
}

/** What one announcement does to the gate. */
export type GateStep =
  | {
      readonly kind: "advanced";
      readonly state: GateState;
      readonly released: readonly UnfinalizedBlock[];
      readonly reorg: Reorg | undefined;
    }
  | { readonly kind: "duplicate"; readonly state: GateState; readonly released: readonly UnfinalizedBlock[] }
  | { readonly kind: "violation"; readonly released: BlockRef; readonly rival: BlockHeader }
  | { readonly kind: "gap"; readonly rival: BlockHeader; readonly unknownParent: BlockHash };

/** The gate before its first announcement. */
export const EMPTY_GATE: GateState = { released: [], unfinalized: [] };

/** Released blocks remembered, so that an incident can name the one that is contradicted; only the last one decides anything. */
const RELEASED_KEPT = 128;

/**
 * What `announcement` does to the gate. Extending the tip is a reorg of depth zero, so one rule serves both.
 * While nothing is released, a rival of the first block begins the chain anew: nothing below it is known or needed.
 */
export function advance(state: GateState, announcement: Announcement, policy: FinalityPolicy): GateStep {
  if (isOnBranch(state, announcement)) {
    return { kind: "duplicate", ...release(state, announcement.finalized, policy) };
  }
  const contradicted = contradictedBy(state, announcement);
  if (contradicted !== undefined) return { kind: "violation", released: contradicted, rival: announcement };
  const keep = keptBelow(state, announcement);
  if (keep === undefined) return { kind: "gap", rival: announcement, unknownParent: announcement.parent };
  const { height, hash, parent, time, offset } = announcement;
  const unfinalized = [...state.unfinalized.slice(0, keep), { height, hash, parent, time, offset }];
  return {
    kind: "advanced",
    reorg: reorgOf(state, keep, announcement),
    ...release({ released: state.released, unfinalized }, announcement.finalized, policy),
  };
}

function isOnBranch(state: GateState, block: BlockRef): boolean {
  const same = (known: BlockRef) => known.height === block.height && known.hash === block.hash;
  return state.unfinalized.some(same) || state.released.some(same);
}

/** The released block that can't stand beside `block`: the one at its height, or the finalized one where `block` builds on another. */
function contradictedBy(state: GateState, block: BlockHeader): BlockRef | undefined {
  const finalized = state.released.at(-1);
  if (finalized === undefined || block.height > finalized.height + 1) return undefined;
  if (block.height === finalized.height + 1) return block.parent === finalized.hash ? undefined : finalized;
  return state.released.find((known) => known.height === block.height) ?? state.released[0];
}

/** How many unfinalized blocks stay below `block`; undefined when its parent is unknown. */
function keptBelow(state: GateState, block: BlockHeader): number | undefined {
  const [first] = state.unfinalized;
  const finalized = state.released.at(-1);
  if (finalized === undefined && (first === undefined || first.height === block.height)) return 0;
  if (finalized !== undefined && finalized.height + 1 === block.height) return 0;
  const parent = state.unfinalized.findLastIndex(
    (known) => known.hash === block.parent && known.height + 1 === block.height,
  );
  return parent === -1 ? undefined : parent + 1;
}

function reorgOf(state: GateState, keep: number, newTip: Announcement): Reorg | undefined {
  const orphaned = state.unfinalized.slice(keep).reverse();
  const [oldTip] = orphaned;
  if (oldTip === undefined) return undefined;
  const below = state.unfinalized[keep - 1] ?? state.released.at(-1);
  return {
    rawOffset: newTip.offset,
    oldTip: refOf(oldTip),
    newTip: refOf(newTip),
    ancestor: below === undefined ? { height: newTip.height - 1, hash: newTip.parent } : refOf(below),
    depth: orphaned.length,
    orphaned: orphaned.map(({ height, hash, parent, time }) => ({ height, hash, parent, time })),
  };
}

interface Release {
  readonly state: GateState;
  readonly released: readonly UnfinalizedBlock[];
}

/** Releases what the policy calls final: always the oldest unfinalized blocks, in order. */
function release(state: GateState, finalized: BlockRef | undefined, policy: FinalityPolicy): Release {
  const count = finalCount(state, finalized, policy);
  if (count === 0) return { state, released: [] };
  const released = state.unfinalized.slice(0, count);
  return {
    state: {
      released: [...state.released, ...released.map(refOf)].slice(-RELEASED_KEPT),
      unfinalized: state.unfinalized.slice(count),
    },
    released,
  };
}

function finalCount(state: GateState, finalized: BlockRef | undefined, policy: FinalityPolicy): number {
  switch (policy.kind) {
    case "confirmations":
      return Math.max(0, state.unfinalized.length - policy.confirmations + 1);
    case "tag":
      return state.unfinalized.findIndex((block) => block.hash === finalized?.hash) + 1;
    default:
      return unreachable(policy);
  }
}
