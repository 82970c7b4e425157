import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockHeader, BlockRef } from "../../stream/block.ts";
import {
  type Announcement,
  advance,
  EMPTY_GATE,
  type FinalityPolicy,
  type GateState,
  type GateStep,
} from "../../stream/finality.ts";
import { announce, grow, root } from "../support/blocks.ts";

const CASES = 12_000;
const genesis = root();
const hashes = (blocks: readonly BlockRef[]) => blocks.map((block) => block.hash);
const byConfirmations = (confirmations: number): FinalityPolicy => ({ kind: "confirmations", confirmations });
const byTag: FinalityPolicy = { kind: "tag", tag: "finalized" };

function play(announcements: readonly Announcement[], policy: FinalityPolicy, from: GateState = EMPTY_GATE) {
  let state = from;
  const steps: GateStep[] = [];
  for (const announcement of announcements) {
    const step = advance(state, announcement, policy);
    steps.push(step);
    if (step.kind === "violation" || step.kind === "gap") break;
    state = step.state;
  }
  return { state, steps, last: steps.at(-1) as GateStep };
}

const releasedBy = (steps: readonly GateStep[]) =>
  steps.flatMap((step) =>
    step.kind === "advanced" || step.kind === "duplicate" ? hashes(step.released) : [],
  );

describe("a story", () => {
  const a = grow(genesis, 4, "a");

  test("a block is released with its N-th confirmation, its own included", () => {
    const { steps } = play(announce([genesis, ...a]), byConfirmations(3));
    expect(steps.map((step) => releasedBy([step]))).toEqual([[], [], ["root0"], ["a1"], ["a2"]]);
  });

  test("a reorg names tips, ancestor and depth, and what it orphaned newest first", () => {
    const b = grow(a[0]!, 4, "b");
    const { last } = play(announce([genesis, ...a, b[0]!]), byConfirmations(10));
    expect(last).toMatchObject({
      kind: "advanced",
      reorg: {
        rawOffset: 5,
        depth: 3,
        oldTip: { height: 4, hash: "a4" },
        newTip: { height: 2, hash: "b2" },
        ancestor: { height: 1, hash: "a1" },
        orphaned: [{ hash: "a4" }, { hash: "a3" }, { hash: "a2" }],
      },
    });
  });

  test("a rival of a released block is a violation that names both", () => {
    const rival = grow(genesis, 1, "z");
    const { last } = play(announce([genesis, ...a, ...rival]), byConfirmations(2));
    expect(last).toMatchObject({ kind: "violation", released: { hash: "a1" }, rival: { hash: "z1" } });
  });

  test("a child of a rival of the finalized block contradicts it too", () => {
    const [, orphan] = grow(a[2]!, 2, "z");
    const { last } = play(announce([genesis, ...a, orphan!]), byConfirmations(1));
    expect(last).toMatchObject({ kind: "violation", released: { hash: "a4" }, rival: { hash: "z5" } });
  });

  test("an unknown parent above the finalized block is a gap", () => {
    const [, , , late] = grow(a[3]!, 4, "a");
    const { last } = play(announce([genesis, ...a, late!]), byConfirmations(3));
    expect(last).toMatchObject({ kind: "gap", rival: { hash: "a8" }, unknownParent: "a7" });
  });

  test("while nothing is released, a rival of the first block begins the chain anew", () => {
    const start = a[1]!;
    const rival = grow(grow(genesis, 1, "b")[0]!, 2, "b");
    const { steps, state } = play(announce([start, a[2]!, ...rival]), byConfirmations(5));
    expect(steps[2]).toMatchObject({
      reorg: { depth: 2, ancestor: { height: 1, hash: "b1" }, newTip: { hash: "b2" } },
    });
    expect(hashes(state.unfinalized)).toEqual(["b2", "b3"]);
  });

  test("the tag releases the finalized block and its ancestors, and is ignored off our branch", () => {
    const off = announce(a, 1, { height: 2, hash: "z2" as BlockRef["hash"] });
    expect(releasedBy(play([...announce([genesis]), ...off], byTag).steps)).toEqual([]);
    const on = announce([a[3]!], 5, a[1]);
    expect(releasedBy(play([...announce([genesis]), ...off, ...on], byTag).steps)).toEqual([
      "root0",
      "a1",
      "a2",
    ]);
  });
});

/** A node that moves from tip to tip of a random tree, and ingest's announcements of it (DESIGN §4). */
interface Walk {
  readonly announcements: readonly Announcement[];
  /** The node's chain after each announcement, oldest first. */
  readonly chains: readonly (readonly BlockHeader[])[];
}

interface Move {
  readonly back: number;
  readonly forward: number;
  readonly repeat: boolean;
  readonly finalizedBelow: number;
}

const moves = (deepest: number): fc.Arbitrary<readonly Move[]> =>
  fc.array(
    fc.record({
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(deepest) }),
      forward: fc.integer({ min: 1, max: 4 }),
      repeat: fc.boolean(),
      finalizedBelow: fc.nat(8),
    }),
    { maxLength: 14 },
  );

/** `deepest`: how far below the highest tip so far a reorg may reach; a new branch may be the shorter one. */
function walk(path: readonly Move[], startHeight: number, deepest: number): Walk {
  const announcements: Announcement[] = [];
  const chains: (readonly BlockHeader[])[] = [];
  let chain: readonly BlockHeader[] = [root(startHeight)];
  let finalized = -1;
  let longest = 1;
  const say = (block: BlockHeader, known: readonly BlockHeader[]) => {
    announcements.push({ ...block, offset: announcements.length * 2, finalized: known[finalized] });
    chains.push(known);
  };
  say(chain[0]!, chain);
  for (const [index, move] of path.entries()) {
    const keep = Math.max(1, finalized + 1, longest - deepest, chain.length - move.back);
    const kept = chain.slice(0, keep);
    const grown = grow(kept.at(-1)!, move.forward, `m${index}-`);
    for (const [step, block] of grown.entries()) say(block, [...kept, ...grown.slice(0, step + 1)]);
    chain = [...kept, ...grown];
    longest = Math.max(longest, chain.length);
    finalized = Math.max(finalized, chain.length - 1 - move.finalizedBelow);
    if (move.repeat) say(chain.at(-1)!, chain);
  }
  return { announcements, chains };
}

/** What must be released after each announcement, worked out anew from the chains alone. */
function expectedReleases(story: Walk, policy: FinalityPolicy): readonly (readonly string[])[] {
  let count = 0;
  return story.chains.map((chain, index) => {
    const { finalized } = story.announcements[index]!;
    const final =
      policy.kind === "confirmations"
        ? chain.filter((block) => chain.at(-1)!.height - block.height + 1 >= policy.confirmations).length
        : chain.findIndex((block) => block.hash === finalized?.hash) + 1;
    count = Math.max(count, final);
    return hashes(chain.slice(0, count));
  });
}

describe("the gate's law", () => {
  const holds = (story: Walk, policy: FinalityPolicy) => {
    const expected = expectedReleases(story, policy);
    let state = EMPTY_GATE;
    const released: string[] = [];
    for (const [index, announcement] of story.announcements.entries()) {
      const step = advance(state, announcement, policy);
      if (step.kind !== "advanced" && step.kind !== "duplicate") throw new Error(`halted by ${step.kind}`);
      state = step.state;
      released.push(...hashes(step.released));
      expect(released).toEqual(expected[index]);
      expect([...released, ...hashes(state.unfinalized)]).toEqual(hashes(story.chains[index]!));
    }
  };

  test("by confirmations: released is a prefix of the last head's chain, each once, in order, in time", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((n) => fc.tuple(fc.constant(n), moves(n - 1), fc.nat(3))),
        ([confirmations, path, start]) =>
          holds(walk(path, start, confirmations - 1), byConfirmations(confirmations)),
      ),
      { numRuns: CASES },
    );
  });

  test("by the node's finalized block: the same", () => {
    fc.assert(
      fc.property(moves(12), fc.nat(3), (path, start) => holds(walk(path, start, 12), byTag)),
      { numRuns: CASES },
    );
  });

  test("replay from the oldest unfinalized announcement rebuilds the same gate", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((n) => fc.tuple(fc.constant(n), moves(n - 1))),
        ([confirmations, path]) => {
          const { announcements } = walk(path, 1, confirmations - 1);
          const { state } = play(announcements, byConfirmations(confirmations));
          const hold = state.unfinalized[0]?.offset ?? Number.POSITIVE_INFINITY;
          const replayed = play(
            announcements.filter((announcement) => announcement.offset >= hold),
            byConfirmations(confirmations),
            { released: state.released.slice(-1), unfinalized: [] },
          );
          expect(replayed.state.unfinalized).toEqual(state.unfinalized);
        },
      ),
      { numRuns: CASES },
    );
  });

  test("a reorg that reaches below what was released always halts, and before it nothing is taken back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }), (confirmations, deeper) => {
        const a = grow(genesis, confirmations + deeper, "a");
        const finalHeight = a.at(-1)!.height - confirmations + 1;
        const fork = a.find((block) => block.height === finalHeight - 1) ?? genesis;
        const { last } = play(
          announce([genesis, ...a, ...grow(fork, 1, "z")]),
          byConfirmations(confirmations),
        );
        expect(last.kind).toBe(finalHeight === 0 ? "advanced" : "violation");
      }),
      { numRuns: CASES },
    );
  });
});
