import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Announced,
  advance,
  finalizedFor,
  firstSpan,
  type Goal,
  isDone,
  NO_PROGRESS,
  nextStep,
  type Progress,
  spanBehind,
  WINDOW,
} from "../../ingest/announce.ts";
import type { ChainView, Span } from "../../ingest/source.ts";
import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import { grow, root } from "../support/blocks.ts";

const GOAL: Goal = { start: 0, until: undefined, cap: undefined };

/** What a node with this canonical chain (from height 0 on) answers. */
function look(chain: readonly BlockHeader[], span: Span | undefined, finalized?: number): ChainView {
  const heights =
    span === undefined
      ? []
      : Array.from({ length: span.to - span.from + 1 }, (_, index) => span.from + index);
  const block = finalized === undefined ? undefined : chain[finalized];
  return {
    head: chain.at(-1)!,
    finalized: block === undefined ? undefined : { height: block.height, hash: block.hash },
    headers: new Map(heights.map((height) => [height, chain[height]])),
  };
}

/** Everything that a still node makes us announce, in order; `log` is raw, as long as it is asked back. */
function follow(log: Announced[], chain: readonly BlockHeader[], known: Progress, goal = GOAL): Progress {
  let progress = known;
  let span = firstSpan(progress, goal, undefined);
  for (let looks = 0; looks < 200; looks += 1) {
    const step = nextStep(progress, look(chain, span), goal);
    switch (step.kind) {
      case "announce":
        for (const header of step.run) {
          log.push({ header, finalized: undefined });
          progress = advance(progress, { header, finalized: undefined }, 12);
        }
        span = firstSpan(progress, goal, chain.at(-1)?.height);
        break;
      case "look":
        span = step.span;
        break;
      case "recall":
        progress = log.reduce((before, one) => advance(before, one, log.length), NO_PROGRESS);
        break;
      default:
        return progress;
    }
  }
  throw new Error("the walk does not end");
}

const genesis = root();
const trunk = [genesis, ...grow(genesis, 300, "a")];
const progressOn = (chain: readonly BlockHeader[]): Progress =>
  chain.reduce((before, header) => advance(before, { header, finalized: undefined }), NO_PROGRESS);
const hashes = (blocks: readonly BlockHeader[]): readonly string[] => blocks.map((block) => block.hash);

describe("nextStep", () => {
  it("begins at start, in windows", () => {
    const step = nextStep(NO_PROGRESS, look(trunk, { from: 5, to: 7 }), { ...GOAL, start: 5 });
    expect(step).toEqual({ kind: "announce", run: trunk.slice(5, 8) });
    expect(firstSpan(progressOn(trunk.slice(5, 8)), GOAL, 2 * WINDOW)).toEqual({ from: 7, to: 7 + WINDOW });
  });

  it("looks behind a run before it is announced only where the head lies far beyond it", () => {
    const view = (height: number) => ({ ...look(trunk, undefined), head: { ...genesis, height } });
    const run = trunk.slice(5, 8);
    expect(spanBehind(run, view(7 + WINDOW), GOAL)).toEqual({ from: 7, to: 7 + WINDOW });
    expect(spanBehind(run, view(6 + WINDOW), GOAL)).toBe(undefined);
    expect(spanBehind(run, view(7 + WINDOW), { ...GOAL, cap: 10 })).toBe(undefined);
    expect(spanBehind([], view(7 + WINDOW), GOAL)).toBe(undefined);
  });

  it("begins at the head where start is latest", () => {
    expect(nextStep(NO_PROGRESS, look(trunk, undefined), { ...GOAL, start: "latest" })).toEqual({
      kind: "announce",
      run: [trunk[300]],
    });
  });

  it("waits while the node has not reached start", () => {
    expect(nextStep(NO_PROGRESS, look(trunk, { from: 900, to: 901 }), { ...GOAL, start: 900 })).toEqual({
      kind: "wait",
    });
  });

  it("takes nothing for the first block that stands above the node's head", () => {
    const view = { ...look(trunk, { from: 15, to: 16 }), head: trunk[10]! };
    expect(nextStep(NO_PROGRESS, view, { ...GOAL, start: 15 })).toEqual({ kind: "wait" });
  });

  it("announces nothing above the cap", () => {
    const goal = { start: 0, until: 10, cap: 12 };
    const known = progressOn(trunk.slice(0, 11));
    expect(nextStep(known, look(trunk, { from: 10, to: 20 }), goal)).toEqual({
      kind: "announce",
      run: trunk.slice(11, 13),
    });
    expect(nextStep(progressOn(trunk.slice(0, 13)), look(trunk, { from: 12, to: 20 }), goal)).toEqual({
      kind: "settled",
      tip: trunk[12],
    });
  });

  it("begins at no head above the height that is wanted, however much that one needs above it", () => {
    const from = (until: number) =>
      nextStep(NO_PROGRESS, look(trunk, undefined), { start: "latest", until, cap: until + 2 });
    expect([from(12), from(299), from(300).kind]).toEqual([
      { kind: "past", begins: 300 },
      { kind: "past", begins: 300 },
      "announce",
    ]);
  });

  it("takes a head that is an ancestor of the tip for a lag", () => {
    const known = progressOn(trunk.slice(0, 11));
    expect(nextStep(known, look(trunk.slice(0, 8), { from: 0, to: 12 }), GOAL)).toEqual({ kind: "wait" });
  });

  it("announces a rival head below the tip from the common ancestor on", () => {
    const known = progressOn(trunk.slice(0, 11));
    const rival = [...trunk.slice(0, 7), ...grow(trunk[6]!, 2, "b")];
    expect(nextStep(known, look(rival, { from: 0, to: 12 }), GOAL)).toEqual({
      kind: "announce",
      run: rival.slice(7),
    });
  });

  it("passes over blocks that a node serves above its head", () => {
    const view = { ...look(trunk, { from: 10, to: 20 }), head: trunk[10]! };
    expect(nextStep(progressOn(trunk.slice(0, 11)), view, GOAL)).toEqual({ kind: "settled", tip: trunk[10] });
  });

  it("waits where an answer contradicts itself", () => {
    const known = progressOn(trunk.slice(0, 11));
    const hole = new Map(look(trunk, { from: 10, to: 20 }).headers).set(11, undefined);
    expect(nextStep(known, { ...look(trunk, undefined), headers: hole }, GOAL)).toEqual({ kind: "wait" });
    const unlinked = new Map(hole).set(11, { ...trunk[11]!, parent: "elsewhere" as BlockHash });
    expect(nextStep(known, { ...look(trunk, undefined), headers: unlinked }, GOAL)).toEqual({ kind: "wait" });
  });

  it("begins anew where a rival took the first block's place", () => {
    const first = { ...trunk[5]!, hash: "rival5" as BlockHash, parent: "other" as BlockHash };
    const rival = [...trunk.slice(0, 5), first, ...grow(first, 3, "r")];
    const known = progressOn(trunk.slice(5, 8));
    expect(nextStep(known, look(rival, { from: 5, to: 9 }), { ...GOAL, start: 5 })).toEqual({
      kind: "announce",
      run: rival.slice(5),
    });
  });

  it("asks raw where the common ancestor is older than what is remembered", () => {
    const known = trunk.slice(0, 40).reduce((before, header) => {
      return advance(before, { header, finalized: undefined }, 10);
    }, NO_PROGRESS);
    expect(known.rooted).toBe(false);
    const rival = [...trunk.slice(0, 20), ...grow(trunk[19]!, 30, "b")];
    expect(nextStep(known, look(rival, { from: 0, to: 50 }), GOAL)).toEqual({ kind: "recall" });
  });
});

describe("the law of raw", () => {
  /** A node's life: it grows, or goes to a rival branch that is `depth` below its head, or back by `depth`. */
  const events = fc.array(
    fc.record({ depth: fc.nat({ max: 40 }), length: fc.nat({ max: 30 }), lag: fc.boolean() }),
    { maxLength: 12 },
  );

  it("every record's parent is an earlier record, and the newest record is the head, or a descendant of a head that went back", () => {
    fc.assert(
      fc.property(events, (life) => {
        const log: Announced[] = [];
        let chain: readonly BlockHeader[] = [genesis, ...grow(genesis, 3, "a")];
        let progress = follow(log, chain, NO_PROGRESS);
        for (const [index, { depth, length, lag }] of life.entries()) {
          const kept = chain.slice(0, Math.max(1, chain.length - depth));
          chain = lag ? kept : [...kept, ...grow(kept.at(-1)!, length, `b${index}-`)];
          progress = follow(log, chain, progress);
          const newest = log.at(-1)!.header;
          const back = hashes(progress.branch).includes(chain.at(-1)!.hash);
          expect(
            newest.hash === chain.at(-1)!.hash || back || chain.at(-1)!.height < progress.branch[0]!.height,
          ).toBe(true);
        }
        const seen = new Set<string>([genesis.parent]);
        for (const { header } of log) {
          expect(seen.has(header.parent)).toBe(true);
          seen.add(header.hash);
        }
      }),
    );
  });

  it("a chain is announced once and in order when the node never changes its mind", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 8 }), (heads) => {
        const log: Announced[] = [];
        let progress = NO_PROGRESS;
        for (const head of heads) progress = follow(log, trunk.slice(0, head + 1), progress);
        expect(hashes(log.map(({ header }) => header))).toEqual(
          hashes(trunk.slice(0, Math.max(-1, ...heads) + 1)),
        );
      }),
    );
  });
});

describe("finality", () => {
  it("names a block itself at or below the finalized height, else the finalized block", () => {
    const view = look(trunk, { from: 0, to: 20 }, 10);
    expect(finalizedFor(trunk[9]!, view)).toEqual({ height: 9, hash: "a9" });
    expect(finalizedFor(trunk[10]!, view)).toEqual({ height: 10, hash: "a10" });
    expect(finalizedFor(trunk[11]!, view)).toEqual({ height: 10, hash: "a10" });
    expect(finalizedFor(trunk[11]!, look(trunk, undefined))).toBeUndefined();
  });

  it("is done with N confirmations above the height, or with a finalized block at or above it", () => {
    const known = progressOn(trunk.slice(0, 11));
    expect(isDone(known, 5, { kind: "confirmations", confirmations: 6 })).toBe(true);
    expect(isDone(known, 5, { kind: "confirmations", confirmations: 7 })).toBe(false);
    expect(isDone(known, undefined, { kind: "confirmations", confirmations: 1 })).toBe(false);
    const told = advance(known, { header: trunk[11]!, finalized: { height: 5, hash: "a5" as BlockHash } });
    expect(isDone(known, 5, { kind: "tag", tag: "finalized" })).toBe(false);
    expect(isDone(told, 5, { kind: "tag", tag: "finalized" })).toBe(true);
    expect(isDone(told, 6, { kind: "tag", tag: "finalized" })).toBe(false);
  });
});
