import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Anvil, HAS_ANVIL, startAnvil } from "../support/anvil.ts";
import { ethereumOptions, rawHashes, rawRecords, startIngest, until } from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";

interface Block {
  readonly hash: string;
  readonly number: string;
}

describe.skipIf(!HAS_ANVIL)("ingest on anvil (skipped where anvil is not installed)", () => {
  let anvil: Anvil;
  let accounts: readonly string[];
  beforeAll(async () => {
    anvil = await startAnvil();
    accounts = (await anvil.rpc("eth_accounts")) as readonly string[];
  }, 60_000);
  afterAll(() => anvil.stop());

  async function pay(): Promise<void> {
    const [from, to] = accounts;
    await anvil.rpc("eth_sendTransaction", { from, to, value: "0xde0b6b3a7640000" });
  }

  async function canonical(): Promise<readonly string[]> {
    const head = Number(await anvil.rpc("eth_blockNumber"));
    const hashes: string[] = [];
    for (let height = 0; height <= head; height += 1) {
      const block = (await anvil.rpc("eth_getBlockByNumber", `0x${height.toString(16)}`, false)) as Block;
      hashes.push(block.hash);
    }
    return hashes;
  }

  it.each(["http", "ws"])("proves its blocks and follows its reorgs over %s", async (scheme) => {
    for (let count = 0; count < 4; count += 1) await pay();
    const cluster = new MemoryCluster();
    const options = ethereumOptions([`${scheme}://127.0.0.1:${anvil.port}`], {
      chainId: 31337,
      start: 0,
      // Anvil may tell of a head before it serves it: then the next look, not the next word, finds it.
      pollMs: scheme === "ws" ? 5_000 : 50,
    });
    const run = startIngest(cluster, options);
    const before = await canonical();
    await until("the chain", () => rawHashes(cluster).length === before.length);
    expect(rawHashes(cluster)).toEqual(before);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await anvil.rpc("anvil_reorg", 3, []);
    await pay();
    const after = await canonical();
    await until("the new branch", () => rawHashes(cluster).at(-1) === after.at(-1));
    await run.stop();
    const records = rawRecords(cluster);
    const seen = new Set([records[0]?.headers["parent"]]);
    for (const record of records) {
      expect(seen).toContain(record.headers["parent"]);
      seen.add(record.key);
    }
    expect(after.every((hash) => seen.has(hash))).toBe(true);
    expect(after.at(-4)).not.toBe(before.at(-3));
  });

  it("begins at genesis, whose parent is nothing, and stops at the height", async () => {
    const cluster = new MemoryCluster();
    const options = ethereumOptions([`http://127.0.0.1:${anvil.port}`], { chainId: 31337, start: 0 });
    await startIngest(cluster, options, { until: 0 }).ended;
    expect(rawRecords(cluster).map((record) => record.headers["height"])).toEqual(["0", "1", "2"]);
    expect(rawRecords(cluster)[0]?.headers["parent"]).toBe(`0x${"0".repeat(64)}`);
  });
});
