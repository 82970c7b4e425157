import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { fork, grow, simulateChain } from "./chain.ts";
import { ask, askAll, post } from "./client.ts";
import { type SimulatedNode, startNode } from "./node.ts";
import { at, back } from "./walk.ts";

const first = simulateChain({ start: 100 });
const a = grow(first, 10);
let node: SimulatedNode;

beforeEach(async () => {
  node = await startNode(a, { finalized: { kind: "depth", depth: 4 } });
});
afterEach(() => node.close());

const hashOf = async (...call: readonly [string, ...unknown[]]) =>
  ((await ask(node.url, ...call)) as { hash: string } | null)?.hash;

describe("what a node answers", () => {
  test("who it is", async () => {
    expect(await ask(node.url, "eth_chainId")).toBe("0x1");
    expect(await ask(node.url, "net_version")).toBe("1");
    expect(await ask(node.url, "eth_blockNumber")).toBe("0x6e");
    expect(await ask(node.url, "eth_config")).toMatchObject({
      current: { blobSchedule: { baseFeeUpdateFraction: 8346193 } },
    });
  });

  test("a block by height, tag and hash, null where there is none", async () => {
    expect(await hashOf("eth_getBlockByNumber", "latest", false)).toBe(a.hash);
    expect(await hashOf("eth_getBlockByNumber", "finalized", false)).toBe(back(a, 4).hash);
    expect(await hashOf("eth_getBlockByNumber", "0x65", false)).toBe(at(a, 101).hash);
    expect(await hashOf("eth_getBlockByHash", at(a, 105).hash, true)).toBe(at(a, 105).hash);
    expect(await ask(node.url, "eth_getBlockByNumber", "0x6f", false)).toBe(null);
    expect(await ask(node.url, "eth_getBlockByHash", `0x${"00".repeat(32)}`, false)).toBe(null);
  });

  test("full blocks, receipts and raw bytes, in one batch, by hash", async () => {
    const calls = ["debug_getRawBlock", "debug_getRawReceipts", "debug_getRawHeader", "eth_getBlockReceipts"];
    const answers = await askAll(
      node.url,
      calls.map((method) => [method, a.hash]),
    );
    const parts = (["rawBlock", "rawReceipts", "rawHeader", "receipts"] as const).map((part) =>
      a.answer(part),
    );
    expect(answers.map((one) => one.result)).toEqual(parts.map((part) => JSON.parse(String(part))));
  });

  test("unknown blocks as geth does, raw ones each in a way of its own", async () => {
    const unknown = `0x${"00".repeat(32)}`;
    expect(await ask(node.url, "eth_getBlockReceipts", unknown)).toBe(null);
    expect(await ask(node.url, "debug_getRawReceipts", unknown)).toEqual([]);
    expect(await ask(node.url, "debug_getRawBlock", "0x6f")).toBe("0x");
    await expect(ask(node.url, "debug_getRawBlock", unknown)).rejects.toThrow("-32000");
    await expect(ask(node.url, "debug_traceBlockByHash", unknown)).rejects.toThrow("-32000");
  });

  test("a tag that it can't tell, a method that it lacks, and what is no call", async () => {
    node.finalize({ kind: "unknown" });
    await expect(ask(node.url, "eth_getBlockByNumber", "finalized", false)).rejects.toThrow(
      "-32000 finalized block not found",
    );
    await expect(ask(node.url, "eth_nothing")).rejects.toThrow("-32601");
    expect(await (await post(node.url, "{")).json()).toMatchObject({ id: null, error: { code: -32700 } });
    expect((await post(node.url, "{}", "text/plain")).status).toBe(415);
    expect((await post(node.url, "x".repeat(6_000_000))).status).toBe(413);
    expect(
      await askAll(
        node.url,
        Array.from({ length: 1001 }, () => ["eth_chainId"] as const),
      ),
    ).toEqual([{ jsonrpc: "2.0", id: 0, error: { code: -32600, message: "batch too large" } }]);
  });
});

test("ommers one by one, by their block's hash", async () => {
  const block = grow(simulateChain({ bodies: (facts) => facts.height === 14764013 }), 1);
  const other = await startNode(block);
  const ommer = (await ask(other.url, "eth_getUncleByBlockHashAndIndex", block.hash, "0x0")) as {
    hash: string;
  };
  expect([ommer.hash]).toEqual(JSON.parse(String(block.answer("thin"))).uncles);
  expect(await ask(other.url, "eth_getUncleByBlockHashAndIndex", block.hash, "0x1")).toBe(null);
  await other.close();
});

describe("heads", () => {
  test("a rival branch replaces the main chain, and orphans stay readable by hash", async () => {
    const b = fork(a, 3, "b");
    node.follow(b);
    expect(await hashOf("eth_getBlockByNumber", "0x6c", false)).toBe(at(b, 108).hash);
    expect(await hashOf("eth_getBlockByNumber", "0x6b", false)).toBe(at(a, 107).hash);
    expect(await hashOf("eth_getBlockByHash", a.hash, false)).toBe(a.hash);
    expect(await ask(node.url, "eth_blockNumber")).toBe("0x6f");
    node.follow(a);
    expect(await hashOf("eth_getBlockByNumber", "0x6c", false)).toBe(at(a, 108).hash);
    expect(await ask(node.url, "eth_getBlockByNumber", "0x6f", false)).toBe(null);
  });

  test("a node that lags knows nothing of its newest blocks; one that runs ahead can't serve its head", async () => {
    node.lag(2);
    expect(await ask(node.url, "eth_blockNumber")).toBe("0x6c");
    expect(await ask(node.url, "eth_getBlockByHash", a.hash, false)).toBe(null);
    node.heal();
    node.runAhead(3);
    expect(await ask(node.url, "eth_blockNumber")).toBe("0x71");
    const mirage = (await ask(node.url, "eth_getBlockByNumber", "latest", false)) as { hash: string };
    expect(await ask(node.url, "eth_getBlockByHash", mirage.hash, true)).toBe(null);
  });

  test("subscribers hear of each new head, and only of the last block of a reorg", async () => {
    const socket = new WebSocket(node.wsUrl);
    await new Promise((resolve) => socket.once("open", resolve));
    const heard: unknown[] = [];
    const next = (count: number) => expect.poll(() => heard.length).toBe(count);
    socket.on("message", (data) => heard.push(JSON.parse(String(data))));
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
    await next(1);
    const b = fork(a, 3, "b");
    node.follow(b);
    await next(2);
    expect(heard[1]).toMatchObject({
      method: "eth_subscription",
      params: { result: { hash: b.hash, parentHash: b.parent } },
    });
    expect(heard[1]).not.toHaveProperty("params.result.transactions");
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 2, method: "eth_blockNumber", params: [] }));
    await next(3);
    expect(heard[2]).toEqual({ jsonrpc: "2.0", id: 2, result: "0x6f" });
    socket.close();
  });
});

describe("faults", () => {
  const batch = [["eth_chainId"], ["eth_blockNumber"], ["net_version"]] as const;

  test.each([
    ["500", 500],
    ["503", 503],
    ["401", 401],
    ["403", 403],
    ["429", 429],
  ] as const)("%s: that status, so many times, then an answer", async (kind, status) => {
    node.fail(kind, 2);
    expect([(await post(node.url, "{}")).status, (await post(node.url, "{}")).status]).toEqual([
      status,
      status,
    ]);
    expect(await ask(node.url, "eth_chainId")).toBe("0x1");
  });

  test("429 says when to come again", async () => {
    node.fail("429", 1);
    expect((await post(node.url, "{}")).headers.get("retry-after")).toBe("1");
  });

  test.each(["truncated", "reset"] as const)("%s: the connection ends in the middle", async (kind) => {
    node.fail(kind, 1);
    await expect(askAll(node.url, batch)).rejects.toThrow(/terminated|fetch failed/);
  });

  test.each(["invalid json", "html", "empty"] as const)("%s: an answer that is no JSON", async (kind) => {
    node.fail(kind, 1);
    await expect(askAll(node.url, batch)).rejects.toThrow(SyntaxError);
  });

  test("a batch out of order, short, doubled, refused, or all errors", async () => {
    const ids = async (kind: "out of order" | "short" | "doubled" | "rpc error") => {
      node.fail(kind, 1);
      return (await askAll(node.url, batch)).map((one) => [one.id, one.error === undefined]);
    };
    expect(await ids("out of order")).toEqual([
      [2, true],
      [1, true],
      [0, true],
    ]);
    expect(await ids("short")).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(await ids("doubled")).toEqual([
      [0, true],
      [0, true],
      [1, true],
      [2, true],
    ]);
    expect(await ids("rpc error")).toEqual([
      [0, false],
      [1, false],
      [2, false],
    ]);
    node.fail("refused", 1);
    expect(await askAll(node.url, batch)).toMatchObject({ id: null, error: { code: -32600 } });
  });

  test("hang: no answer, until it heals", async () => {
    node.hang();
    const late = post(node.url, "{}").then(
      () => "answered",
      () => "refused",
    );
    const waited = new Promise((resolve) => setTimeout(() => resolve("waited"), 300));
    expect(await Promise.race([late, waited])).toBe("waited");
    node.heal();
    expect(await ask(node.url, "eth_chainId")).toBe("0x1");
  });

  test("huge: more than a client should take in", async () => {
    node.fail("huge", 1);
    const response = await post(node.url, "{}");
    let size = 0;
    for await (const chunk of response.body!) {
      size += (chunk as Uint8Array).length;
      if (size > 100_000_000) break;
    }
    expect(size).toBeGreaterThan(100_000_000);
  });

  test("only requests of a method, when it is named", async () => {
    node.fail("500", 1, "eth_getBlockReceipts");
    expect(await ask(node.url, "eth_chainId")).toBe("0x1");
    await expect(ask(node.url, "eth_getBlockReceipts", a.hash)).rejects.toThrow();
    expect(await ask(node.url, "eth_getBlockReceipts", first.hash)).not.toBe(null);
  });
});

test("a lie is told of the height named, and of headers only where that is wanted", async () => {
  node.lie("wrong height", { height: 105 });
  const numberOf = async (height: number, full: boolean) =>
    ((await ask(node.url, "eth_getBlockByHash", at(a, height).hash, full)) as { number: string }).number;
  expect([await numberOf(105, true), await numberOf(105, false), await numberOf(106, true)]).toEqual([
    "0x6a",
    "0x69",
    "0x6a",
  ]);
  node.lie("wrong height", { height: 105, headers: true });
  expect(await numberOf(105, false)).toBe("0x6a");
  node.heal();
  expect(await numberOf(105, true)).toBe("0x69");
});

test("a node of another chain says so", async () => {
  const other = await startNode(a, { chainId: 5 });
  expect(await ask(other.url, "eth_chainId")).toBe("0x5");
  await other.close();
});

test("a node that closed refuses, and can come back on its port", async () => {
  const { port, url } = node;
  await node.close();
  await expect(ask(url, "eth_chainId")).rejects.toThrow("fetch failed");
  node = await startNode(a, { port });
  expect(await ask(url, "eth_chainId")).toBe("0x1");
});
