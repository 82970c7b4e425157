import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { openBitcoinSource } from "../../../ingest/bitcoin/source.ts";
import type { BitcoinOptions } from "../../../ingest/options.ts";
import type { Source } from "../../../ingest/source.ts";
import { type ChainBlock, grow, rawValue, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { type NodeOptions, type SimulatedBitcoinNode, startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { blocksOf } from "../../chain/walk.ts";
import { bitcoinOptions, PROVES_HERE } from "../../support/bitcoin-ingest.ts";
import { HASTY } from "../../support/ingest-story.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const NEVER = new AbortController().signal;
// Every call listens to it, and here a dozen are under way at once.
setMaxListeners(0, NEVER);
const tip = grow(simulateBitcoin(), 11);

async function nodeWith(options: NodeOptions): Promise<SimulatedBitcoinNode> {
  const node = await startBitcoinNode(tip, options);
  closing.push(() => node.close());
  return node;
}

/** A source on `urls`, and the lines that it logs. */
function sourceOn(urls: readonly string[], other: Partial<BitcoinOptions> = {}) {
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const edge = { prover: PROVES_HERE, log, limits: { ...HASTY, outageMs: 5_000 } };
  const source = openBitcoinSource(bitcoinOptions(urls, other), edge);
  closing.push(() => source.close());
  return { source, logged: () => logged.map(({ msg }) => msg) };
}

async function fetched(source: Source, blocks: readonly ChainBlock[]): Promise<readonly boolean[]> {
  const places = blocks.map(({ height, hash, parent, time }) => ({ height, hash, parent, time }));
  const proven = await Promise.all(places.map((place) => source.block(place, NEVER)));
  return proven.map((block, index) => rawValue(blocks[index]!).equals(block?.value ?? Buffer.alloc(0)));
}

it("each node serves blocks in its own form, the trusted one again when it is back", async () => {
  const trusted = await nodeWith({});
  const other = await nodeWith({ rest: false });
  const { source, logged } = sourceOn([trusted.url, other.url]);
  await source.check(NEVER);
  trusted.fail("reset");
  expect(await fetched(source, blocksOf(tip))).toEqual(Array(12).fill(true));
  expect(other.calls.get("getblock")).toBe(12);
  trusted.heal();
  while (!logged().includes("node answers again")) await source.view(undefined, NEVER);
  trusted.calls.clear();
  expect(await fetched(source, blocksOf(tip))).toEqual(Array(12).fill(true));
  expect([trusted.calls.get("rest"), trusted.calls.has("getblock")]).toEqual([24, false]);
  expect(logged()).toEqual(["node fails", "node answers again"]);
});

it("many calls under way when a node starts anew all learn its new cookie: it is not left out", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-cookie-"));
  closing.push(async () => rmSync(folder, { recursive: true }));
  const cookieFile = join(folder, ".cookie");
  writeFileSync(cookieFile, "__cookie__:one");
  const node = await nodeWith({ rest: false, auth: "__cookie__:one" });
  const { source, logged } = sourceOn([node.bareUrl], { cookieFile });
  expect(await fetched(source, blocksOf(tip).slice(0, 1))).toEqual([true]);
  node.lock("__cookie__:two");
  writeFileSync(cookieFile, "__cookie__:two");
  expect(await fetched(source, blocksOf(tip))).toEqual(Array(12).fill(true));
  expect(logged()).toEqual([]);
});
