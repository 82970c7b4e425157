import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { NETWORK_RULES } from "../../../ingest/bitcoin/rules.ts";
import { openBitcoinSource } from "../../../ingest/bitcoin/source.ts";
import type { BitcoinOptions } from "../../../ingest/options.ts";
import { grow, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { type NodeOptions, type SimulatedBitcoinNode, startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { blocksOf } from "../../chain/walk.ts";
import { bitcoinOptions, PROVES_HERE } from "../../support/bitcoin-ingest.ts";
import { HASTY } from "../../support/ingest-story.ts";
import { pacedClock } from "../../support/paced-clock.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const NEVER = new AbortController().signal;
const tip = grow(simulateBitcoin(), 3);
const places = blocksOf(tip).map(({ height, hash, parent, time }) => ({ height, hash, parent, time }));
const place = places.at(-1)!;

async function nodeWith(options: NodeOptions = {}): Promise<SimulatedBitcoinNode> {
  const node = await startBitcoinNode(tip, options);
  closing.push(() => node.close());
  return node;
}

/** What stands before a node and changes what it says; undefined: nothing. */
interface Edits {
  readonly reply?: (method: string, reply: { result: unknown }) => object | undefined;
  readonly rest?: (request: IncomingMessage) => { status: number; body?: string } | undefined;
}

/** A node whose answers are edited on their way. */
async function edited(node: SimulatedBitcoinNode, { reply, rest }: Edits): Promise<string> {
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const said = request.method === "GET" ? rest?.(request) : undefined;
    if (said !== undefined) {
      response.writeHead(said.status, { "content-type": "text/plain" }).end(said.body);
      return;
    }
    const body = request.method === "POST" ? await text(request) : undefined;
    const answer = await fetch(`${node.bareUrl}${request.url}`, {
      method: request.method ?? "GET",
      ...(body === undefined ? {} : { body }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end(body === undefined || reply === undefined ? bytes : JSON.stringify(changed(body, bytes)));
  };
  const changed = (body: string, bytes: Buffer) => {
    const calls: { method: string }[] = [JSON.parse(body)].flat();
    const replies: unknown = JSON.parse(bytes.toString());
    const edits = [replies].flat().map((one, index) => {
      const whole = one as { result: unknown };
      return reply?.(calls[index]?.method ?? "", whole) ?? whole;
    });
    return Array.isArray(replies) ? edits : edits[0];
  };
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A source on `url`, and the lines that it logs, without pino's own fields. */
function sourceOn(url: string, other: Partial<BitcoinOptions> = {}) {
  const logged: object[] = [];
  const write = (line: string) => {
    const { pid: _, hostname: __, time: ___, ...fields } = JSON.parse(line);
    logged.push(fields);
  };
  const limits = { ...HASTY, outageMs: 300 };
  const edge = { prover: PROVES_HERE, log: pino({ level: "info" }, { write }), limits, clock: pacedClock() };
  const source = openBitcoinSource(bitcoinOptions([url], other), edge);
  closing.push(() => source.close());
  return { source, logged };
}

const WARN = 40;
const nameOf = (url: string): string => new URL(url).host;

describe("a REST address", () => {
  it("is asked with its credentials and its query", async () => {
    const node = await nodeWith();
    const seen: (string | undefined)[] = [];
    const open = await edited(node, {
      rest: ({ headers, url }) => {
        seen.push(headers.authorization, url?.replace(/^.*\//, ""));
        return { status: 404 };
      },
    });
    const base = `${open.replace("//", "//us%40er:pass@")}/rest/?key=k`;
    await sourceOn(node.url, { restUrls: [base] }).source.check(NEVER);
    const sent = `Basic ${Buffer.from("us@er:pass").toString("base64")}`;
    expect(seen).toEqual([sent, `${tip.hash}.bin?key=k`]);
  });

  it.each([401, 403])("that refuses us with HTTP %i is told of once, without secrets", async (status) => {
    const node = await nodeWith();
    const rest = await edited(node, { rest: () => ({ status }) });
    const base = `${rest.replace("//", "//user:sesame@")}?key=hidden`;
    const { source, logged } = sourceOn(node.url, { restUrls: [base] });
    for (const block of places) {
      expect(await source.block(block, NEVER)).toMatchObject({ header: block });
    }
    const msg = "REST refuses us; blocks are asked for by RPC: check the credentials in its address";
    expect(logged).toEqual([{ level: WARN, node: nameOf(node.url), reason: `HTTP ${status}`, msg }]);
    expect(JSON.stringify(logged)).not.toMatch(/sesame|hidden/);
  });

  it("that is gone in the middle is told of once, however many blocks are under way", async () => {
    const node = await nodeWith();
    const { source, logged } = sourceOn(node.url);
    await source.check(NEVER);
    expect(logged).toEqual([]);
    node.offerRest(false);
    await Promise.all(places.map((block) => source.block(block, NEVER)));
    await source.block(place, NEVER);
    const msg = "REST is gone; blocks are asked for by RPC, which is slower";
    expect(logged).toEqual([{ level: WARN, node: nameOf(node.url), reason: "HTTP 404", msg }]);
  });

  it("where nothing was ever served is not told of: -rest is off by default", async () => {
    const node = await nodeWith({ rest: false });
    const { source, logged } = sourceOn(node.url);
    expect(await source.block(place, NEVER)).toMatchObject({ header: place });
    expect(logged).toEqual([]);
  });
});

describe("a block of which a node has the header alone", () => {
  const words = "not available (not fully downloaded)";
  const edits: readonly (readonly [string, NodeOptions, Edits, string])[] = [
    [
      "RPC",
      { rest: false },
      {
        reply: (method) =>
          method === "getblock" ? { id: 0, error: { code: -1, message: `Block ${words}` } } : undefined,
      },
      `Block ${words}`,
    ],
    [
      "REST",
      {},
      {
        rest: ({ url }) =>
          url?.startsWith("/rest/block/") ? { status: 404, body: `${place.hash} ${words}\r\n` } : undefined,
      },
      `HTTP 404 ${place.hash} ${words}`,
    ],
  ];

  it.each(edits)("is missing in the node's own words, by %s", async (_, options, edit, said) => {
    const url = await edited(await nodeWith(options), edit);
    const { source } = sourceOn(url);
    const wait = async () => {
      for (;;) {
        const view = await source.view(undefined, NEVER);
        await source.block(view.head, NEVER);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await expect(wait()).rejects.toThrow(
      `no node has block ${place.height} ${place.hash} for 0.3 s (${nameOf(url)}: ${said})`,
    );
  });
});

describe("a signet", () => {
  const { chain, genesis } = NETWORK_RULES.signet;
  /** Of Bitcoin Core, `kernel/chainparams.cpp`. */
  const OWN =
    "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";
  const signet = async (challenge: unknown) => {
    const node = await nodeWith({ chain, genesis });
    const url = await edited(node, {
      reply: (method, { result }) =>
        method === "getblockchaininfo" && challenge !== undefined
          ? { id: 0, result: { ...Object(result), signet_challenge: challenge } }
          : undefined,
    });
    return sourceOn(url, { network: "signet" }).source.check(NEVER);
  };

  it("is the default one where its challenge is that one's, or is not told", async () => {
    await expect(signet(undefined)).resolves.toBeUndefined();
    await expect(signet(OWN)).resolves.toBeUndefined();
  });

  it("with another challenge is refused, though its genesis is the same", async () => {
    await expect(signet("51")).rejects.toThrow(
      `its signet is a custom one: its challenge is 51 instead of ${OWN}`,
    );
  });
});

describe("a cookie file that can't be read", () => {
  it("ends it as a refusal that says so: waiting for the node would not mend it", async () => {
    const folder = mkdtempSync(`${tmpdir()}/sluice-cookie-`);
    closing.push(async () => rmSync(folder, { recursive: true }));
    const node = await nodeWith({ auth: "__cookie__:one" });
    const { source, logged } = sourceOn(node.bareUrl, { cookieFile: folder });
    const reason =
      "HTTP 401: the cookie file can't be read (EISDIR): it is a folder; name the .cookie in it, not the datadir";
    await expect(source.check(NEVER)).rejects.toThrow(
      `no node serves this chain to us (${nameOf(node.url)}: ${reason})`,
    );
    expect(logged).toEqual([{ level: WARN, node: nameOf(node.url), reason, msg: "node left out" }]);
  });
});
