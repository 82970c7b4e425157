import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { openRest } from "../../../ingest/bitcoin/rest.ts";
import { openBitcoinSource } from "../../../ingest/bitcoin/source.ts";
import { openWire } from "../../../ingest/http.ts";
import type { Source } from "../../../ingest/source.ts";
import { grow, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { bitcoinOptions, PROVES_HERE } from "../../support/bitcoin-ingest.ts";
import { HASTY } from "../../support/ingest-story.ts";
import { pacedClock } from "../../support/paced-clock.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const NEVER = new AbortController().signal;
const tip = grow(simulateBitcoin(), 3);
const { height, hash, parent, time } = tip;

/** What something between us and a node says in its place. */
interface Says {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
}

/** A front of a node that says the same to everything. */
async function frontSaying({ status, body = "", type = "text/html" }: Says): Promise<string> {
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().on("end", () => response.writeHead(status, { "content-type": type }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sourceOn(urls: readonly string[], restUrls: readonly string[] = []): Source {
  const limits = { ...HASTY, outageMs: 300 };
  const options = bitcoinOptions(urls, { restUrls });
  const edge = { prover: PROVES_HERE, log: pino({ enabled: false }), limits, clock: pacedClock() };
  const source = openBitcoinSource(options, edge);
  closing.push(() => source.close());
  return source;
}

describe("what stands before a node's RPC", () => {
  const JSON_TYPE = "application/json";
  it.each<[Says, string]>([
    [
      { status: 403, body: '{"error":"forbidden"}', type: JSON_TYPE },
      "HTTP 403: its -rpcallowip or -rpcwhitelist",
    ],
    [{ status: 401, body: '{"error":"who are you"}', type: JSON_TYPE }, "HTTP 401: it wants user:password"],
    [{ status: 429, body: '{"error":"too many"}', type: JSON_TYPE }, 'HTTP 429 {"error":"too many"}'],
    [{ status: 502, body: '{"error":"bad gateway"}', type: JSON_TYPE }, 'HTTP 502 {"error":"bad gateway"}'],
    [
      { status: 503, body: "Work queue depth exceeded" },
      "HTTP 503 Work queue depth exceeded: more calls wait than its -rpcworkqueue lets in",
    ],
    [
      {
        status: 500,
        body: '{"result":null,"error":{"code":-28,"message":"Loading…"},"id":0}',
        type: JSON_TYPE,
      },
      "Loading…",
    ],
    [{ status: 404, body: "<h1>404 Not Found</h1>" }, "HTTP 404 <h1>404 Not Found</h1>"],
  ])("is told by its status first: %j", async (says, message) => {
    await expect(sourceOn([await frontSaying(says)]).check(NEVER)).rejects.toThrow(message);
  });
});

describe("what stands before a node's REST", () => {
  it.each<Says>([
    { status: 404, body: "<h1>404 Not Found</h1>" },
    { status: 404, body: `${hash} has no page here` },
    { status: 404 },
    { status: 403, body: "not available" },
  ])("is no REST where it has other words than Bitcoin Core's: %j", async (says) => {
    const node = await startBitcoinNode(tip, { rest: false });
    closing.push(() => node.close());
    const source = sourceOn([node.url], [await frontSaying(says)]);
    expect(await source.block({ height, hash, parent, time }, NEVER)).toMatchObject({ codec: "bitcoin.v1" });
    expect(node.calls.get("getblock")).toBe(1);
  });

  it.each<[string, Says]>([
    ["off", { status: 404, body: "<h1>404 Not Found</h1>" }],
    ["none", { status: 404, body: `${hash} not found\r\n` }],
    ["none", { status: 404, body: `${hash} not available (pruned data)\r\n` }],
    ["none", { status: 404, body: `${hash} undo not available\r\n` }],
    ["outage", { status: 503, body: "Service temporarily unavailable: Loading…" }],
    ["outage", { status: 200, body: "<h1>Maintenance</h1>" }],
    ["answer", { status: 200, body: "bytes", type: "application/octet-stream" }],
    ["unreachable", { status: 200, body: "x".repeat(2_000), type: "application/octet-stream" }],
  ])("is %s: %j", async (kind, says) => {
    const url = await frontSaying(says);
    const rest = openRest(url, openWire(url, { maxAnswerBytes: 1_000 }, 1));
    closing.push(() => rest.close());
    expect(await rest.get(`block/${hash}.bin`, 1_000, NEVER)).toMatchObject({ kind });
  });
});
