import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import type { ProveOutcome, Prover, ProveTask } from "../../../ingest/ethereum/prover.ts";
import { openEthereumSource } from "../../../ingest/ethereum/source.ts";
import type { EthereumOptions } from "../../../ingest/options.ts";
import type { Call } from "../../../ingest/rpc.ts";
import type { Source } from "../../../ingest/source.ts";
import { grow, simulateChain } from "../../chain/chain.ts";
import { type NodeOptions, type SimulatedNode, startNode } from "../../chain/node.ts";
import { blocksOf } from "../../chain/walk.ts";
import { ethereumOptions, HASTY } from "../../support/ingest-story.ts";
import { pacedClock } from "../../support/paced-clock.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const NEVER = new AbortController().signal;
const trunk = grow(
  simulateChain({ bodies: (facts) => facts.transactions < 40 && facts.height >= 15_537_394 }),
  3,
);
const block = blocksOf(trunk)[2]!;
const header = { height: block.height, hash: block.hash, parent: block.parent, time: block.time };

/** Takes every answer for proven, or says what `outcomes` has next; keeps the tasks. */
function gullible(...outcomes: readonly ProveOutcome[]): Prover & { readonly tasks: readonly ProveTask[] } {
  const tasks: ProveTask[] = [];
  const proven = (task: ProveTask): ProveOutcome => ({
    kind: "proven",
    header: task.expected,
    value: new Uint8Array([1]),
    proofs: ["header"],
    hasBlobGas: true,
  });
  return {
    tasks,
    prove: async (task) => {
      tasks.push(task);
      return outcomes[tasks.length - 1] ?? proven(task);
    },
    close: async () => {},
  };
}

async function sourceOn(
  prover: Prover,
  other: {
    node?: NodeOptions;
    options?: Partial<EthereumOptions>;
    front?: (node: SimulatedNode) => Promise<string>;
  } = {},
): Promise<{ node: SimulatedNode; source: Source }> {
  const node = await startNode(trunk, other.node);
  const url = (await other.front?.(node)) ?? node.url;
  const options = ethereumOptions([url], other.options);
  const edge = { prover, log: pino({ enabled: false }), limits: HASTY, clock: pacedClock() };
  const source = openEthereumSource(options, edge);
  closing.push(
    () => source.close(),
    () => node.close(),
  );
  return { node, source };
}

/** What a node may have against a question: HTTP status and body, undefined where it answers. */
type Dislike = (calls: readonly Call[], isBatch: boolean) => readonly [number, string] | undefined;

/** A proxy before a node, for nodes that dislike some questions. */
function disliking(dislike: Dislike): (node: SimulatedNode) => Promise<string> {
  return async (node) => {
    const server = createServer(async (request, response) => {
      const body = await text(request);
      const asked = JSON.parse(body) as Call | readonly Call[];
      const isBatch = Array.isArray(asked);
      const [status, refusal] = dislike([asked].flat() as readonly Call[], isBatch) ?? [200, undefined];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(refusal ?? (await forward(node, body)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(async () => {
      server.close().closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
}

const rpcRefusal = (code: number, message: string) =>
  JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } });
const isRaw = (call: Call) => call.method.startsWith("debug_getRaw");

async function forward(node: SimulatedNode, body: string): Promise<string> {
  const answer = await fetch(node.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return await answer.text();
}

function idsOf(task: ProveTask | undefined): readonly number[] {
  const replies: unknown = JSON.parse(Buffer.from(task?.body ?? new ArrayBuffer(0)).toString());
  return (replies as readonly { id: number }[]).map((reply) => reply.id);
}

describe("the forms of a question", () => {
  it("changes to JSON at once where consensus bytes are refused, and stays there", async () => {
    const prover = gullible({ kind: "unsupported", method: "debug_getRawBlock", reason: "not allowed" });
    const { source } = await sourceOn(prover);
    expect(await source.block(header, NEVER)).toMatchObject({
      header,
      codec: "ethereum.v1",
      proofs: ["header"],
    });
    await source.block(header, NEVER);
    expect(prover.tasks.map((task) => task.form)).toEqual(["raw", "json", "json"]);
  });

  it("uses JSON where senders are waived: the node's own are needed", async () => {
    const prover = gullible();
    const { source } = await sourceOn(prover, { options: { waive: ["senders"] } });
    await source.block(header, NEVER);
    expect(prover.tasks.map((task) => task.form)).toEqual(["json"]);
  });

  it("asks call by call where the batch failed, and hands on one answer all the same", async () => {
    const prover = gullible({ kind: "outage", reason: "response too large" });
    const { source } = await sourceOn(prover, { options: { traces: true } });
    expect(await source.block(header, NEVER)).toMatchObject({ header });
    expect(prover.tasks.map(idsOf)).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it("gives a node as long for traces as their answer may take: its own patience is shorter", async () => {
    const asked: Call[] = [];
    const front = disliking((calls) => {
      asked.push(...calls.filter((call) => call.method === "debug_traceBlockByHash"));
      return undefined;
    });
    const { source } = await sourceOn(gullible(), { front, options: { traces: true } });
    await source.block(header, NEVER);
    expect(asked.map((call) => call.params)).toEqual([
      [header.hash, { tracer: "callTracer", timeout: "5s" }],
    ]);
  });

  it("adds the ommers' headers where they are asked for", async () => {
    const prover = gullible({ kind: "ommers", count: 2 });
    const { source } = await sourceOn(prover, { node: { raw: false } });
    expect(await source.block(header, NEVER)).toMatchObject({ header });
    expect(prover.tasks.map(idsOf)).toEqual([
      [0, 1],
      [0, 1, 3, 4],
    ]);
  });

  it.each([
    ["-32600", [200, rpcRefusal(-32600, "batches are not supported")]],
    ["-32601", [200, rpcRefusal(-32601, "method not found")]],
    ["HTTP 400", [400, rpcRefusal(-32600, "invalid request")]],
    ["HTTP 413", [413, "too large"]],
  ] as const)("does without batches where a node answers them by %s", async (_, refusal) => {
    const prover = gullible();
    const front = disliking((_calls, isBatch) => (isBatch ? refusal : undefined));
    const { node, source } = await sourceOn(prover, { front });
    expect(await source.block(header, NEVER)).toMatchObject({ header });
    expect((await source.view({ from: 1001, to: 1002 }, NEVER)).headers.get(1002)?.hash).toBe(block.hash);
    expect(prover.tasks.map(idsOf)).toEqual([[0, 1]]);
    expect(node.calls.get("debug_getRawBlock")).toBe(2);
  });

  it("sends smaller batches where a node takes no larger ones", async () => {
    const sizes: number[] = [];
    const front = disliking((calls) => {
      sizes.push(calls.length);
      return calls.length > 3 ? [200, rpcRefusal(-32600, "batch too large")] : undefined;
    });
    const { source } = await sourceOn(gullible(), { front });
    await source.check(NEVER);
    sizes.length = 0;
    const seen = await source.view({ from: 1000, to: 1010 }, NEVER);
    expect(seen.headers.get(1002)?.hash).toBe(block.hash);
    expect(seen.headers.size).toBe(11);
    expect(sizes).toEqual([12, 6, 6, 3, 3, 3, 3]);
    sizes.length = 0;
    await source.view({ from: 1000, to: 1002 }, NEVER);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 3]);
  });

  it.each([
    ["HTTP 403", [403, "not on your plan"]],
    ["HTTP 405", [405, ""]],
    ["-32601 under HTTP 404", [404, rpcRefusal(-32601, "method not found")]],
    ["-32600", [200, rpcRefusal(-32600, "unsupported")]],
  ] as const)("asks for JSON, in batches, where debug_getRaw* are answered by %s", async (_, refusal) => {
    const prover = gullible();
    const front = disliking((calls) => (calls.some(isRaw) ? refusal : undefined));
    const { node, source } = await sourceOn(prover, { front });
    expect(await source.block(header, NEVER)).toMatchObject({ header });
    expect(prover.tasks.map((task) => [task.form, idsOf(task)])).toEqual([["json", [0, 1]]]);
    expect(node.calls.get("debug_getRawBlock")).toBeUndefined();
  });

  it("asks for JSON where the consensus bytes do not hold", async () => {
    const prover = gullible({ kind: "refused", proof: "receipts", reason: "made up", waivable: true });
    const { source } = await sourceOn(prover);
    expect(await source.block(header, NEVER)).toMatchObject({ header });
    expect(prover.tasks.map((task) => task.form)).toEqual(["raw", "json"]);
  });
});

describe("the blob fraction", () => {
  const other = { node: { chainId: 5 }, options: { chainId: 5 } };

  it("is the config's, where the config has one", async () => {
    const schedule = [
      { time: 0, baseFeeUpdateFraction: 3_338_477n },
      { time: block.time + 1, baseFeeUpdateFraction: 5_007_716n },
    ];
    const { source } = await sourceOn(gullible(), {
      ...other,
      options: { chainId: 5, blobSchedule: schedule },
    });
    expect((await source.block(header, NEVER))?.headers).toEqual({ "blob-fraction": "3338477" });
  });

  it("is else the node's", async () => {
    const { node, source } = await sourceOn(gullible(), other);
    const proven = await source.block(header, NEVER);
    expect(proven?.headers["blob-fraction"]).toMatch(/^\d+$/);
    await source.block(header, NEVER);
    expect(node.calls.get("eth_config")).toBe(1);
  });

  it("is not told on main net, which flows know", async () => {
    const { source } = await sourceOn(gullible());
    expect((await source.block(header, NEVER))?.headers).toEqual({});
  });

  it("stops ingest where nobody knows it", async () => {
    const { source } = await sourceOn(gullible(), other);
    await expect(source.block({ ...header, time: 1 }, NEVER)).rejects.toMatchObject({
      name: "BlobScheduleUnknown",
    });
    await expect(source.block({ ...header, time: 1 }, NEVER)).rejects.toThrow(
      "add blobSchedule to the chain in sluice.json",
    );
  });
});

describe("a view", () => {
  it("has the finalized block only where it is canonical, and undefined where the node names none", async () => {
    const { node, source } = await sourceOn(gullible(), {
      options: { policy: { kind: "tag", tag: "finalized" } },
    });
    node.finalize({ kind: "depth", depth: 2 });
    const seen = await source.view({ from: 1002, to: 1005 }, NEVER);
    const [, second, third, fourth] = blocksOf(trunk);
    expect(seen.head.hash).toBe(fourth?.hash);
    expect(seen.finalized).toEqual({ height: 1001, hash: second?.hash });
    expect([...seen.headers].map(([height, one]) => [height, one?.hash])).toEqual([
      [1002, third?.hash],
      [1003, fourth?.hash],
      [1004, undefined],
      [1005, undefined],
    ]);
    node.finalize({ kind: "unknown" });
    expect((await source.view(undefined, NEVER)).finalized).toBeUndefined();
  });
});
