import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { Answer, Fault } from "../../ingest/answer.ts";
import { NODE_LIMITS } from "../../ingest/limits.ts";
import { type ChainNode, Nodes, NodesUnreachable, ProofFailed } from "../../ingest/nodes.ts";
import type { BlockHash } from "../../stream/block.ts";
import type { Clock } from "../../stream/kafka/clock.ts";

const OK: Answer<void> = { kind: "answer", value: undefined };
const block = { height: 7, hash: "0x7" as BlockHash };
const outage: Fault = { kind: "outage", reason: "HTTP 500" };
const reason = "the root is another one";
const lie: Fault = { kind: "unproven", proof: "receipts", block, reason, waivable: true };

/** A node that answers by a script; when it is used up, the last line is repeated. `asked` are the times it was asked at. */
class ScriptedNode implements ChainNode {
  readonly name: string;
  readonly asked: number[] = [];
  readonly #clock: Clock;
  readonly #script: readonly Answer<string>[];
  readonly #greeting: Answer<void>;

  constructor(name: string, clock: Clock, script: readonly Answer<string>[], greeting: Answer<void> = OK) {
    this.name = name;
    this.#clock = clock;
    this.#script = script;
    this.#greeting = greeting;
  }

  async greet(): Promise<Answer<void>> {
    return this.#greeting;
  }

  answer(): Answer<string> {
    const answer = this.#script[Math.min(this.asked.length, this.#script.length - 1)]!;
    this.asked.push(this.#clock.now());
    return answer;
  }

  async close(): Promise<void> {}
}

/** Time that passes only by sleeping; chance that is always the longest wait. */
function tester(random = 1) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      nowMs += ms;
    },
    random: () => random,
  };
  const signal = new AbortController().signal;
  const node = (name: string, script: readonly Answer<string>[], greeting?: Answer<void>) =>
    new ScriptedNode(name, clock, script, greeting);
  const pool = (...nodes: readonly ScriptedNode[]) =>
    new Nodes(nodes, { log: pino({ enabled: false }), limits: NODE_LIMITS, clock });
  const ask = (nodes: Nodes<ScriptedNode>) => nodes.ask(async (one) => one.answer(), signal);
  return { clock, node, pool, ask, signal };
}

function says(value: string): Answer<string> {
  return { kind: "answer", value };
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    (value) => value,
    (error: unknown) => error,
  );
}

describe("Nodes", () => {
  it("asks the most trusted node, the next one at once when it fails, and goes back when it is ready again", async () => {
    const { clock, node, pool, ask, signal } = tester();
    const first = node("first", [outage, says("from first")]);
    const second = node("second", [says("from second")]);
    const nodes = pool(first, second);
    expect(await ask(nodes)).toBe("from second");
    expect(clock.now()).toBe(0);
    expect(await ask(nodes)).toBe("from second");
    await clock.sleep(NODE_LIMITS.firstBackoffMs + 1, signal);
    expect(await ask(nodes)).toBe("from second");
    expect(await ask(nodes)).toBe("from first");
    expect(first.asked).toEqual([0, 251]);
  });

  it("does not wait for a node that hangs while another one answers", async () => {
    const { clock, node, pool, ask, signal } = tester();
    const first = node("first", [outage, says("from first")]);
    const nodes = pool(first, node("second", [says("from second")]));
    expect(await ask(nodes)).toBe("from second");
    await clock.sleep(NODE_LIMITS.firstBackoffMs + 1, signal);
    let wake: (greeting: Answer<void>) => void = () => undefined;
    const hanging = new Promise<Answer<void>>((resolve) => {
      wake = resolve;
    });
    first.greet = () => hanging;
    for (let time = 0; time < 3; time += 1) expect(await ask(nodes)).toBe("from second");
    expect(first.asked).toEqual([0]);
    wake(OK);
    await hanging;
    expect(await ask(nodes)).toBe("from first");
  });

  it("doubles the backoff up to the longest and gives up after five minutes without one good answer", async () => {
    const { clock, node, pool, ask } = tester();
    const only = node("only", [outage]);
    const error = await failure(ask(pool(only)));
    expect(error).toBeInstanceOf(NodesUnreachable);
    expect((error as Error).message).toBe(
      "no good answer for 300 s (only: HTTP 500); check the chain's RPC URLs and that its nodes are up",
    );
    expect(clock.now()).toBe(300_000);
    const waits = only.asked.slice(1, 9).map((at, index) => at - only.asked[index]!);
    expect(waits).toEqual([251, 501, 1001, 2001, 4001, 8001, 15_001, 15_001]);
  });

  it("gives up no sooner when another question was answered meanwhile", async () => {
    const { clock, node, pool, ask } = tester();
    const only = node("only", [...Array.from({ length: 12 }, () => outage), says("late"), outage]);
    const nodes = pool(only);
    expect(await ask(nodes)).toBe("late");
    const lateAt = clock.now();
    expect(await failure(ask(nodes))).toBeInstanceOf(NodesUnreachable);
    expect(clock.now()).toBe(lateAt + 300_000);
  });

  it("waits as long as a node asks it to", async () => {
    const { node, pool, ask } = tester(0);
    const only = node("only", [{ ...outage, retryAfterMs: 7_000 }, says("now")]);
    expect(await ask(pool(only))).toBe("now");
    expect(only.asked).toEqual([0, 7_000]);
  });

  it("counts many questions that fail by one outage once", async () => {
    const { node, pool, ask } = tester();
    const only = node("only", [outage, outage, outage, says("good")]);
    const nodes = pool(only);
    expect(await Promise.all([ask(nodes), ask(nodes), ask(nodes)])).toEqual(["good", "good", "good"]);
    expect(only.asked[3]! - only.asked[2]!).toBeLessThanOrEqual(251);
  });

  it("leaves out a node of another chain, and asks it again later", async () => {
    const { clock, node, pool, ask, signal } = tester();
    const other = node("other", [says("from other")], { kind: "refusal", reason: "chain id 5 instead of 1" });
    const good = node("good", [says("from good")]);
    const nodes = pool(other, good);
    await nodes.check(signal);
    expect(await ask(nodes)).toBe("from good");
    expect(other.asked).toEqual([]);
    await clock.sleep(NODE_LIMITS.leftOutMs, signal);
    expect(await ask(nodes)).toBe("from good");
  });

  it("stops within seconds when every node refuses us, and says what each said", async () => {
    const { clock, node, pool, signal } = tester();
    const nodes = pool(
      node("one:8545", [], { kind: "refusal", reason: "chain id 5 instead of 1" }),
      node("two:8545", [], { kind: "refusal", reason: "HTTP 401" }),
    );
    const error = await failure(nodes.check(signal));
    expect(error).toBeInstanceOf(NodesUnreachable);
    expect((error as Error).message).toContain("one:8545: chain id 5 instead of 1; two:8545: HTTP 401");
    expect(clock.now()).toBe(1_000 + 2_000 + 3_000);
  });

  it("keeps trying while one node refuses us and another one only fails", async () => {
    const { clock, node, pool, ask } = tester();
    const nodes = pool(node("one", [], { kind: "refusal", reason: "HTTP 401" }), node("two", [outage]));
    expect(await failure(ask(nodes))).toBeInstanceOf(NodesUnreachable);
    expect(clock.now()).toBe(300_000);
  });

  it("takes a proof that failed to the next node", async () => {
    const { clock, node, pool, ask } = tester();
    expect(await ask(pool(node("liar", [lie]), node("honest", [says("true")])))).toBe("true");
    expect(clock.now()).toBe(0);
  });

  it("tries a failed proof again for a few rounds, then names proof, block and node", async () => {
    const { clock, node, pool, ask } = tester();
    const liar = node("liar", [lie]);
    const error = await failure(ask(pool(liar, node("other", [lie]))));
    expect(error).toBeInstanceOf(ProofFailed);
    expect(error).toMatchObject({ proof: "receipts", height: 7, hash: "0x7", node: "other" });
    expect((error as Error).message).toContain("proof receipts of block 7 0x7 failed on node other");
    expect(liar.asked).toHaveLength(NODE_LIMITS.rounds);
    expect(clock.now()).toBe(1_000 + 2_000 + 3_000);
    expect(await ask(pool(node("briefly", [lie, says("true")])))).toBe("true");
  });

  it("offers a waiver only where one would help", async () => {
    const { node, pool, ask } = tester();
    const end = async (fault: Answer<string>) =>
      ((await failure(ask(pool(node("liar", [fault]))))) as Error).message;
    const told =
      "proof receipts of block 7 0x7 failed on node liar: the root is another one; nothing was written: use another node";
    expect(await end(lie)).toBe(`${told}, or waive the proof`);
    expect(await end({ ...lie, waivable: false })).toBe(told);
  });

  it("keeps what each node last said of a block that it lacks", async () => {
    const { clock, node, pool, ask, signal } = tester();
    const words = { kind: "missing", reason: "Block not available" } as const;
    const nodes = pool(node("one", [{ kind: "missing" }]), node("two", [words, { kind: "missing" }]));
    expect(nodes.lacking).toEqual([
      { node: "one", reason: undefined },
      { node: "two", reason: undefined },
    ]);
    expect(await ask(nodes)).toBeUndefined();
    expect(nodes.lacking).toEqual([
      { node: "one", reason: undefined },
      { node: "two", reason: "Block not available" },
    ]);
    await clock.sleep(NODE_LIMITS.firstBackoffMs + 1, signal);
    expect(await ask(nodes)).toBeUndefined();
    expect(nodes.lacking[1]).toEqual({ node: "two", reason: undefined });
  });

  it("looks again where one node lacks what another one can't prove: they are on different chains", async () => {
    const { node, pool, ask } = tester();
    const liar = node("liar", [lie]);
    expect(await ask(pool(liar, node("other", [{ kind: "missing" }])))).toBeUndefined();
    expect(liar.asked).toHaveLength(1);
  });

  it("says that a block is missing only when every node that answers lacks it", async () => {
    const { node, pool, ask } = tester();
    const missing: Fault = { kind: "missing" };
    expect(await ask(pool(node("one", [missing]), node("two", [says("here")])))).toBe("here");
    expect(await ask(pool(node("one", [missing]), node("two", [missing])))).toBeUndefined();
  });
});
