import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { Answer } from "../../ingest/answer.ts";
import { NODE_LIMITS } from "../../ingest/limits.ts";
import { type ChainNode, Nodes, NodesUnreachable } from "../../ingest/nodes.ts";
import type { ChainView } from "../../ingest/source.ts";
import { openViews } from "../../ingest/views.ts";
import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import type { Clock } from "../../stream/kafka/clock.ts";

const { staleMs, leftOutMs, outageMs } = NODE_LIMITS;
const POLL_MS = 1_000;

/** A node whose head the test moves. */
class Teller implements ChainNode {
  readonly name: string;
  head = block(0);
  looks = 0;
  isDown = false;

  constructor(name: string) {
    this.name = name;
  }

  async greet(): Promise<Answer<void>> {
    return { kind: "answer", value: undefined };
  }

  async close(): Promise<void> {}
}

function block(height: number, branch = "trunk"): BlockHeader {
  return { height, hash: hash(height, branch), parent: hash(height - 1, branch), time: height };
}

function hash(height: number, branch: string): BlockHash {
  return `${branch}-${height}` as BlockHash;
}

/** Nodes in the order of trust, and time that passes only by `wait`. */
function tester(...names: readonly string[]) {
  let nowMs = 0;
  let drawn = 0.9;
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    // Every other rest is short, that of the first node first.
    random: () => {
      drawn = drawn === 0 ? 0.9 : 0;
      return drawn;
    },
  };
  const tellers = names.map((name) => new Teller(name));
  const nodes = new Nodes(tellers, { log: pino({ enabled: false }), limits: NODE_LIMITS, clock });
  const views = openViews(nodes, { limits: NODE_LIMITS, clock });
  const look = async () => {
    const view = await views.look(
      async (node) => {
        if (node.isDown) return { kind: "outage", reason: "down" };
        node.looks += 1;
        const value: ChainView = { head: node.head, finalized: undefined, headers: new Map() };
        return { kind: "answer", value };
      },
      undefined,
      new AbortController().signal,
    );
    return view.head;
  };
  /** No node has a block that is asked for. */
  const lack = () => nodes.ask(async () => ({ kind: "missing" }), new AbortController().signal);
  const wait = (ms: number) => {
    nowMs += ms;
  };
  /** Looks every second for `ms`; the heads seen. */
  const watch = async (ms: number, each = (_: BlockHeader) => {}) => {
    const seen: BlockHeader[] = [];
    for (const endAt = nowMs + ms; nowMs < endAt; nowMs += POLL_MS) {
      const head = await look();
      each(head);
      seen.push(head);
    }
    return seen;
  };
  return { tellers, nodes, views, lack, look, watch, wait };
}

describe("a node that stands still", () => {
  it("has its turn after a node that is higher, from staleMs on, and again when it moves", async () => {
    const { tellers, look, watch } = tester("first", "second");
    const [first, second] = tellers as [Teller, Teller];
    second.head = block(9);
    expect(new Set(await watch(staleMs))).toEqual(new Set([first.head]));
    expect(second.looks).toBe(0);
    expect(new Set(await watch(10 * staleMs))).toEqual(new Set([second.head]));
    first.head = block(9);
    await watch(leftOutMs);
    const { looks } = second;
    expect(await look()).toEqual(first.head);
    expect(second.looks).toBe(looks);
  });

  it.each([0, 1])(
    "is believed while the other one is %i below it: no change between rivals",
    async (below) => {
      const { tellers, watch } = tester("first", "second");
      const [first, second] = tellers as [Teller, Teller];
      first.head = block(5);
      second.head = block(5 - below, "rival");
      expect(new Set(await watch(10 * staleMs))).toEqual(new Set([first.head]));
      expect(second.looks).toBeLessThanOrEqual(10);
    },
  );
});

describe("a node that names a block that no node has", () => {
  const dream = block(1, "dream");

  it("never ends the work while the next node's chain can be followed", async () => {
    const { tellers, views, watch } = tester("dreamer", "awake");
    tellers[0]!.head = dream;
    const seen = await watch(10 * outageMs, (head) => {
      if (head === dream) views.noteFound(head, false);
      else views.noteAgreed();
    });
    const awake = seen.filter((head) => head === tellers[1]!.head).length;
    expect(awake).toBeGreaterThan(0.9 * seen.length);
  });

  it("keeps its turn where the chain only moved on meanwhile, and the next view leads on", async () => {
    const { tellers, views, watch } = tester("first", "second");
    const [first, second] = tellers as [Teller, Teller];
    let height = 0;
    await watch(10 * leftOutMs, (head) => {
      if (height % 2 === 0) views.noteFound(head, false);
      else views.noteAgreed();
      height += 1;
      first.head = block(height);
    });
    expect(second.looks).toBe(0);
  });

  it("keeps its turn before one that stands still, where the chain only moved on meanwhile", async () => {
    const { tellers, views, watch } = tester("still", "moving");
    const [still, moving] = tellers as [Teller, Teller];
    still.head = block(5, "left");
    let height = 9;
    const move = (head: BlockHeader) => {
      if (height % 2 === 1) views.noteFound(head, false);
      else views.noteAgreed();
      height += 1;
      moving.head = block(height);
    };
    moving.head = block(height);
    await watch(staleMs);
    expect((await watch(10 * staleMs, move)).filter((head) => head === still.head)).toEqual([]);
  });

  it.each([0, 100, 250, 1000])(
    "and is given a rest for it, hands nothing to one that stands still, also %i ms later",
    async (wokenMs) => {
      const { tellers, views, lack, look, watch, wait } = tester("still", "moving");
      const [still, moving] = tellers as [Teller, Teller];
      still.head = block(5, "left");
      moving.head = block(9);
      await watch(2 * staleMs);
      await lack();
      views.noteFound(moving.head, false);
      moving.head = block(10);
      wait(wokenMs);
      expect(await look()).toEqual(moving.head);
      views.noteAgreed();
      expect((await watch(10 * staleMs)).filter((head) => head === still.head)).toEqual([]);
    },
  );

  it("leaves the word to one that stands still, at each look, only while nobody else answers", async () => {
    const { tellers, watch } = tester("still", "moving");
    const [still, moving] = tellers as [Teller, Teller];
    moving.head = block(9);
    await watch(2 * staleMs);
    moving.isDown = true;
    expect(new Set(await watch(staleMs))).toEqual(new Set([still.head]));
    moving.isDown = false;
    moving.head = block(10);
    await watch(leftOutMs);
    expect(new Set(await watch(staleMs))).toEqual(new Set([moving.head]));
  });

  it("is the one that stands behind, also where another one has told more since", async () => {
    const { tellers, views, look, watch } = tester("dreamer", "awake");
    const [dreamer, awake] = tellers as [Teller, Teller];
    dreamer.head = dream;
    for (const _ of [1, 2]) {
      expect(await look()).toBe(dream);
      dreamer.isDown = true;
      expect(await look()).toBe(awake.head);
      dreamer.isDown = false;
      views.noteFound(dream, false);
      // Until the dreamer's backoff is over; then it is greeted again.
      await watch(2_000);
    }
    expect(await look()).toBe(awake.head);
  });

  it("makes no other one look as if it stood still, however high it dreams", async () => {
    const { tellers, views, watch } = tester("honest", "dreamer");
    const [honest, dreamer] = tellers as [Teller, Teller];
    dreamer.head = block(1_000_000_000, "dream");
    const note = (head: BlockHeader) => {
      if (head === dreamer.head) views.noteFound(head, false);
      else views.noteAgreed();
    };
    await watch(POLL_MS, note);
    honest.isDown = true;
    await watch(10 * POLL_MS, note);
    expect(dreamer.looks).toBeGreaterThan(0);
    honest.isDown = false;
    await watch(leftOutMs, note);
    const { looks } = dreamer;
    await watch(10 * staleMs, (head) => {
      note(head);
      honest.head = block(honest.head.height + 1);
    });
    expect(dreamer.looks).toBe(looks);
  });

  it("ends it in the node's own words where it has some", async () => {
    const { nodes, views, watch } = tester("dreamer", "terse");
    const words = { kind: "missing", reason: "Block not available (not fully downloaded)" } as const;
    const question = async ({ name }: Teller) => (name === "dreamer" ? words : { kind: "missing" as const });
    expect(await nodes.ask(question, new AbortController().signal)).toBeUndefined();
    const error = await watch(outageMs + POLL_MS, () => views.noteFound(dream, false)).catch(
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(NodesUnreachable);
    expect((error as Error).message).toContain(
      "(dreamer: Block not available (not fully downloaded); terse: has it not)",
    );
  });

  it("ends it after outageMs where it is the only one", async () => {
    const { tellers, views, watch } = tester("dreamer");
    tellers[0]!.head = dream;
    const work = (ms: number) => watch(ms, (head) => views.noteFound(head, false));
    await work(outageMs);
    const error = await work(POLL_MS).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(NodesUnreachable);
    expect((error as Error).message).toContain(
      `no node has block 1 dream-1 for ${outageMs / 1000} s (dreamer: has it not)`,
    );
  });
});
