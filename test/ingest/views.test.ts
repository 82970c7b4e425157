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
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    random: () => 1,
  };
  const tellers = names.map((name) => new Teller(name));
  const nodes = new Nodes(tellers, { log: pino({ enabled: false }), limits: NODE_LIMITS, clock });
  const views = openViews(nodes, { limits: NODE_LIMITS, clock });
  const look = async () => {
    const view = await views.look(
      async (node) => {
        node.looks += 1;
        const value: ChainView = { head: node.head, finalized: undefined, headers: new Map() };
        return { kind: "answer", value };
      },
      undefined,
      new AbortController().signal,
    );
    return view.head;
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
  return { tellers, views, look, watch };
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
