import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { describeNodes, openBitcoinSource } from "../../../ingest/bitcoin/source.ts";
import type { BitcoinOptions } from "../../../ingest/options.ts";
import type { Source } from "../../../ingest/source.ts";
import { type ChainBlock, fork, grow, rawValue, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { type NodeOptions, type SimulatedBitcoinNode, startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { back, blocksOf } from "../../chain/walk.ts";
import { bitcoinOptions, PROVES_HERE } from "../../support/bitcoin-ingest.ts";
import { HASTY, until } from "../../support/ingest-story.ts";
import { pacedClock } from "../../support/paced-clock.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const NEVER = new AbortController().signal;
const trunk = grow(simulateBitcoin(), 9);
const QUICK = { ...HASTY, outageMs: 400 };

async function nodeAt(tip: ChainBlock, options: NodeOptions = {}): Promise<SimulatedBitcoinNode> {
  const node = await startBitcoinNode(tip, options);
  closing.push(() => node.close());
  return node;
}

/** A source on `urls`, and the lines that it logs. */
function sourceOn(
  urls: readonly string[],
  other: Partial<BitcoinOptions> = {},
  limits = QUICK,
): { source: Source; logged: readonly Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const edge = { prover: PROVES_HERE, log, limits, clock: pacedClock() };
  const source = openBitcoinSource(bitcoinOptions(urls, other), edge);
  closing.push(() => source.close());
  return { source, logged };
}

function placeOf({ height, hash, parent, time }: ChainBlock) {
  return { height, hash, parent, time };
}

describe("the form of blocks", () => {
  it.each([
    { offers: "REST", node: {}, asks: { rest: true, getblock: false } },
    { offers: "no REST", node: { rest: false }, asks: { rest: true, getblock: true } },
    {
      offers: "REST without spent outputs",
      node: { version: 290_000 },
      asks: { rest: true, getblock: true },
    },
  ])("is the best that a node with $offers has", async ({ node: options, asks }) => {
    const node = await nodeAt(trunk, options);
    const { source } = sourceOn([node.url]);
    for (const block of blocksOf(trunk)) {
      const proven = await source.block(placeOf(block), NEVER);
      expect(proven).toMatchObject({ header: placeOf(block), codec: "bitcoin.v1", headers: {} });
      expect(Buffer.from(proven?.value ?? []).equals(rawValue(block))).toBe(true);
      expect(proven?.proofs).toEqual(["header", "work", "merkle", "witness", "height", "spent", "coinbase"]);
    }
    expect(node.calls.has("rest")).toBe(asks.rest);
    expect(node.calls.has("getblock")).toBe(asks.getblock);
  });

  it("changes to getblock where REST is gone, and REST may have an address of its own", async () => {
    const node = await nodeAt(trunk);
    const { source } = sourceOn([node.url]);
    await source.block(placeOf(trunk), NEVER);
    node.offerRest(false);
    expect(await source.block(placeOf(trunk), NEVER)).toMatchObject({ codec: "bitcoin.v1" });
    expect(node.calls.get("getblock")).toBe(1);

    const front = await nodeAt(trunk);
    node.calls.clear();
    const apart = sourceOn([node.url], { restUrls: [`${front.url}/rest`] });
    expect(await apart.source.block(placeOf(trunk), NEVER)).toMatchObject({ codec: "bitcoin.v1" });
    expect([node.calls.has("rest"), front.calls.has("rest")]).toEqual([false, true]);
  });

  it("is getblock, and told of, where nobody answers at the REST address", async () => {
    const node = await nodeAt(trunk);
    const gone = await nodeAt(trunk);
    await gone.close();
    closing.pop();
    const { source, logged } = sourceOn([node.url], { restUrls: [gone.url] });
    expect(await source.block(placeOf(trunk), NEVER)).toMatchObject({ codec: "bitcoin.v1" });
    expect(logged.map(({ msg }) => msg)).toEqual(["REST out of reach; blocks are asked for by RPC"]);
  });

  it("can be told for people to read", async () => {
    const nodes = [
      await nodeAt(trunk),
      await nodeAt(trunk, { rest: false }),
      await nodeAt(trunk, { chain: "main" }),
      await nodeAt(trunk, { rest: false, version: 220_000 }),
    ];
    nodes[1]?.download(true);
    const options = bitcoinOptions(nodes.map((node) => node.url));
    const told = await describeNodes(options, { log: pino({ enabled: false }), limits: QUICK }, NEVER);
    expect(told).toEqual([
      { node: `127.0.0.1:${nodes[0]?.port}`, says: "REST, block and spent outputs as bytes" },
      { node: `127.0.0.1:${nodes[1]?.port}`, says: "getblock 3; still downloading its chain" },
      { node: `127.0.0.1:${nodes[2]?.port}`, says: "its chain is main instead of regtest" },
      { node: `127.0.0.1:${nodes[3]?.port}`, says: expect.stringContaining("Bitcoin Core 23") },
    ]);
  });
});

describe("a node of no use", () => {
  const refusal = async (node: SimulatedBitcoinNode) => {
    const { source } = sourceOn([node.url]);
    return await source.check(NEVER).then(
      () => "nothing",
      (error: Error) => error.message,
    );
  };

  it("is one of another network, another genesis, or too old a version", async () => {
    expect(await refusal(await nodeAt(trunk, { chain: "main" }))).toContain(
      "its chain is main instead of regtest",
    );
    expect(await refusal(await nodeAt(trunk, { genesis: trunk.hash }))).toContain(
      `its genesis is ${trunk.hash} instead of 0f9188f1`,
    );
    expect(await refusal(await nodeAt(trunk, { rest: false, version: 220_000 }))).toContain(
      "its getblock tells no prevouts: it needs Bitcoin Core 23 or later, or 30 or later with -rest",
    );
  });

  it("is one whose blocks are pruned, by both forms; the next node has them", async () => {
    for (const rest of [true, false]) {
      const node = await nodeAt(trunk, { rest });
      node.prune(6);
      const alone = sourceOn([node.url]).source;
      const low = placeOf(back(trunk, 6));
      await expect(alone.block(low, NEVER)).rejects.toThrow(
        /pruned data\).*prune=0, or "start" above its pruneheight/,
      );
      const archive = await nodeAt(trunk, { rest });
      const { source } = sourceOn([node.url, archive.url]);
      expect(await source.block(low, NEVER)).toMatchObject({ header: low });
    }
  });
});

describe("a block that a node never connected", () => {
  it.each([true, false])("is missing there (REST: %s), and found on the node that did", async (rest) => {
    const rival = fork(trunk, 2, "b");
    const node = await nodeAt(trunk, { rest });
    node.receive(rival);
    expect(await sourceOn([node.url]).source.block(placeOf(rival), NEVER)).toBeUndefined();
    const other = await nodeAt(rival, { rest });
    expect(await sourceOn([node.url, other.url]).source.block(placeOf(rival), NEVER)).toMatchObject({
      header: placeOf(rival),
    });
  });

  it.each([true, false])("is found as long as it was connected once (REST: %s)", async (rest) => {
    const node = await nodeAt(trunk, { rest });
    node.follow(fork(trunk, 2, "b"));
    expect(await sourceOn([node.url]).source.block(placeOf(trunk), NEVER)).toMatchObject({
      header: placeOf(trunk),
    });
  });
});

describe("letting us in", () => {
  const AUTH = "us%40er:pa%3Ass";

  it("is by the credentials in the URL", async () => {
    const node = await nodeAt(trunk, { auth: "user:password" });
    await sourceOn([node.url]).source.check(NEVER);
    const wrong = node.url.replace("password", "sesame");
    await expect(sourceOn([wrong]).source.check(NEVER)).rejects.toThrow(
      "HTTP 401: its user or password is another one",
    );
    await expect(sourceOn([node.bareUrl]).source.check(NEVER)).rejects.toThrow(
      "HTTP 401: it wants user:password in its URL, or BITCOIN_RPC_COOKIE_FILE",
    );
    const escaped = await nodeAt(trunk, { auth: decodeURIComponent(AUTH) });
    await sourceOn([escaped.bareUrl.replace("//", `//${AUTH}@`)]).source.check(NEVER);
  });

  it("is by the cookie of now: it is read again at each 401", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-cookie-"));
    closing.push(async () => rmSync(folder, { recursive: true }));
    const cookieFile = join(folder, ".cookie");
    const node = await nodeAt(trunk, { auth: "__cookie__:one" });
    writeFileSync(cookieFile, "__cookie__:one");
    const { source } = sourceOn([node.bareUrl], { cookieFile });
    await source.check(NEVER);
    node.lock("__cookie__:two");
    writeFileSync(cookieFile, "__cookie__:two\n");
    expect((await source.view(undefined, NEVER)).head.hash).toBe(trunk.hash);
    node.lock("__cookie__:three");
    await expect(source.view(undefined, NEVER)).rejects.toThrow(
      "HTTP 401: the cookie in the file is another node's",
    );
    rmSync(cookieFile);
    await expect(sourceOn([node.bareUrl], { cookieFile }).source.check(NEVER)).rejects.toThrow(
      "HTTP 401: the cookie file is not there",
    );
  });

  it("is not, by another address: and the message says which setting does it", async () => {
    const node = await nodeAt(trunk);
    node.fail("403");
    await expect(sourceOn([node.url]).source.check(NEVER)).rejects.toThrow(
      "HTTP 403: its -rpcallowip or -rpcwhitelist keeps us out",
    );
  });

  it("leaves no credentials in errors or logs", async () => {
    const node = await nodeAt(trunk, { auth: "user:password" });
    const { source, logged } = sourceOn([node.url.replace("password", "sesame")]);
    const error = await source.check(NEVER).catch((cause: Error) => cause);
    expect(`${String(error)} ${JSON.stringify(logged)}`).not.toMatch(/sesame|user:/);
  });
});

describe("a node that starts or still downloads", () => {
  it("is waited for, and named when it takes too long", async () => {
    const node = await nodeAt(trunk);
    node.warmUp("Loading block index…");
    const { source } = sourceOn([node.url], {}, HASTY);
    const checked = source.check(NEVER);
    await until("the second look", () => [...node.calls.values()].some((times) => times > 1));
    node.warmUp(undefined);
    await checked;
    node.warmUp("Verifying blocks…");
    await expect(source.view(undefined, NEVER)).rejects.toThrow("it is starting: Verifying blocks…");
    await expect(source.block(placeOf(trunk), NEVER)).rejects.toThrow("it is starting: ");
  });

  it("gives the blocks that it has while it downloads, and is told of once", async () => {
    const node = await nodeAt(trunk);
    node.download(true);
    const { source, logged } = sourceOn([node.url]);
    for (let look = 0; look < 3; look += 1) {
      expect((await source.view({ from: 1, to: 3 }, NEVER)).head.height).toBe(10);
    }
    const line = { node: `127.0.0.1:${node.port}`, blocks: 10, headers: 10 };
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({
      ...line,
      msg: "node is still downloading its chain; what it has is taken",
    });
    node.download(false);
    await source.view(undefined, NEVER);
    node.download(true);
    await source.view(undefined, NEVER);
    expect(logged).toHaveLength(2);
  });
});

describe("a view", () => {
  it("has the head and the chain's headers, undefined above it, and asks for none twice", async () => {
    const node = await nodeAt(trunk);
    const { source } = sourceOn([node.url]);
    const seen = await source.view({ from: 8, to: 12 }, NEVER);
    expect(seen.head).toEqual(placeOf(trunk));
    expect(seen.finalized).toBeUndefined();
    expect([...seen.headers]).toEqual([
      [8, placeOf(back(trunk, 2))],
      [9, placeOf(back(trunk, 1))],
      [10, placeOf(trunk)],
      [11, undefined],
      [12, undefined],
    ]);
    expect(node.calls.get("getblockheader")).toBe(3);
    await source.view({ from: 8, to: 12 }, NEVER);
    expect(node.calls.get("getblockheader")).toBe(3);
  });

  it("does not take a header whose fields have another hash", async () => {
    const node = await nodeAt(trunk);
    node.lie("flipped header", { height: 9, headers: true });
    await expect(sourceOn([node.url]).source.view({ from: 9, to: 9 }, NEVER)).rejects.toMatchObject({
      name: "ProofFailed",
      proof: "header",
      height: 9,
      hash: back(trunk, 1).hash,
      // No waiver reaches a view.
      message: expect.stringMatching(/use another node$/),
    });
    const honest = await nodeAt(trunk);
    const { source } = sourceOn([node.url, honest.url]);
    expect((await source.view({ from: 9, to: 9 }, NEVER)).headers.get(9)).toEqual(placeOf(back(trunk, 1)));
  });
});
