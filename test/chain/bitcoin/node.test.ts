import { describe, expect, it } from "vitest";
import { closedAfterwards } from "../../support/started-nodes.ts";
import { ask, askAll, post } from "../client.ts";
import { back } from "../walk.ts";
import { blockBytes, fork, grow, REGTEST_GENESIS, simulateBitcoin } from "./chain.ts";
import { startBitcoinNode } from "./node.ts";

const nodeAt = closedAfterwards(startBitcoinNode);

const tip = grow(simulateBitcoin(), 4);
/** The same on main net: its only transaction and so its root. */
const GENESIS_TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";

interface Printed {
  readonly confirmations: number;
  readonly nextblockhash?: string;
  readonly tx: readonly {
    readonly vin: readonly { readonly prevout?: object; readonly coinbase?: string }[];
    readonly hex: string;
  }[];
}

describe("the node", () => {
  it("answers for its chain as Core does", async () => {
    const { url } = await nodeAt(tip);
    expect(await ask(url, "getblockchaininfo")).toMatchObject({
      chain: "regtest",
      blocks: 5,
      bestblockhash: tip.hash,
      initialblockdownload: false,
    });
    expect(await ask(url, "getblockhash", 0)).toBe(REGTEST_GENESIS);
    expect(await ask(url, "getblockhash", 4)).toBe(tip.parent);
    await expect(ask(url, "getblockhash", 6)).rejects.toThrow("-8 Block height out of range");
    await expect(ask(url, "getblockheader", "00")).rejects.toThrow("-5 Block not found");
    expect(await ask(url, "getblockheader", tip.hash, false)).toBe(tip.header.toString("hex"));
    expect(await ask(url, "getblock", tip.hash, 0)).toBe(blockBytes(tip).toString("hex"));
  });

  it("prints prevouts from version 23 on, and amounts with eight places", async () => {
    const { url } = await nodeAt(tip);
    const block = (await ask(url, "getblock", tip.hash, 3)) as Printed;
    expect(block).toMatchObject({ confirmations: 1, hash: tip.hash, nTx: tip.body.transactions.length + 1 });
    expect(block.tx[0]?.vin[0]?.coinbase).toMatch(/^55/);
    expect(block.tx.slice(1).every(({ vin }) => vin.every(({ prevout }) => prevout !== undefined))).toBe(
      true,
    );
    const text = await (
      await post(url, JSON.stringify({ id: 1, method: "getblock", params: [tip.hash, 3] }))
    ).text();
    expect(text).toMatch(/"value":\d+\.\d{8}[,}]/);
    const old = await nodeAt(tip, { version: 220_000 });
    const bare = (await ask(old.url, "getblock", tip.hash, 3)) as Printed;
    expect(bare.tx.some(({ vin }) => vin.some(({ prevout }) => prevout !== undefined))).toBe(false);
  });

  it("has regtest's genesis below whatever chain it was given", async () => {
    const node = await nodeAt(tip);
    const header = await ask(node.url, "getblockheader", REGTEST_GENESIS);
    expect(header).toMatchObject({
      hash: REGTEST_GENESIS,
      ...{ height: 0, confirmations: 6, version: 1, time: 1_296_688_602, bits: "207fffff", nonce: 2, nTx: 1 },
      merkleroot: GENESIS_TXID,
      nextblockhash: back(tip, 4).hash,
    });
    expect(header).not.toHaveProperty("previousblockhash");
    const { tx } = (await ask(node.url, "getblock", REGTEST_GENESIS, 3)) as Printed;
    expect(tx).toMatchObject([
      { txid: GENESIS_TXID, vin: [{ coinbase: expect.stringMatching(/^04ffff001d/) }] },
    ]);
    expect(await ask(node.url, "getblock", REGTEST_GENESIS, 1)).toMatchObject({ tx: [GENESIS_TXID] });
    const bytes = `${await ask(node.url, "getblock", REGTEST_GENESIS, 0)}`;
    expect(bytes).toMatch(
      /^01000000(00){32}3ba3edfd.*4b1e5e4adae5494dffff7f2002000000010100000001.*ac00000000$/,
    );
    const rest = async (kind: string) => {
      const answer = await fetch(`${node.url}/rest/${kind}/${REGTEST_GENESIS}.bin`);
      return [answer.status, Buffer.from(await answer.arrayBuffer()).toString("hex")];
    };
    expect([await rest("block"), await rest("spenttxouts")]).toEqual([
      [200, bytes],
      [200, "0100"],
    ]);
    node.prune(5);
    await expect(ask(node.url, "getblock", REGTEST_GENESIS, 0)).rejects.toThrow("-1 Block not available");
    expect([(await rest("block"))[0], await rest("spenttxouts")]).toEqual([404, [200, "0100"]]);
  });

  it("keeps what it orphaned, at −1 confirmations, and knows no spent outputs of what it never connected", async () => {
    const node = await nodeAt(tip);
    const rival = fork(tip, 1, "b");
    node.receive(rival);
    expect(
      ((await ask(node.url, "getblock", rival.hash, 3)) as Printed).tx.flatMap(({ vin }) => vin),
    ).not.toContainEqual(expect.objectContaining({ prevout: expect.anything() }));
    expect(await fetch(`${node.url}/rest/spenttxouts/${rival.hash}.bin`)).toMatchObject({ status: 404 });
    node.follow(rival);
    const orphan = (await ask(node.url, "getblock", tip.hash, 3)) as Printed;
    expect(orphan).toMatchObject({ confirmations: -1 });
    expect(orphan.nextblockhash).toBeUndefined();
    const below = (await ask(node.url, "getblock", tip.parent, 1)) as Printed;
    expect(below).toMatchObject({ confirmations: 3, nextblockhash: back(rival, 1).hash });
  });

  it("serves bytes by REST, and says in Core's words what it lacks", async () => {
    const node = await nodeAt(tip);
    const get = async (path: string) => {
      const answer = await fetch(`${node.url}/rest/${path}`);
      return [answer.status, Buffer.from(await answer.arrayBuffer())] as const;
    };
    const [, bytes] = await get(`block/${tip.hash}.bin`);
    expect(bytes.equals(blockBytes(tip))).toBe(true);
    const [, spent] = await get(`spenttxouts/${tip.hash}.bin`);
    expect(spent.equals(tip.body.spent)).toBe(true);
    const words = async (path: string) => {
      const [status, body] = await get(path);
      return `${status} ${body.toString().trim()}`;
    };
    expect(await words(`block/${"0".repeat(64)}.bin`)).toBe(`404 ${"0".repeat(64)} not found`);
    node.prune(5);
    expect(await words(`block/${tip.parent}.bin`)).toBe(`404 ${tip.parent} not available (pruned data)`);
    expect(await words(`spenttxouts/${tip.parent}.bin`)).toBe(`404 ${tip.parent} undo not available`);
    node.warmUp("Loading…");
    expect(await words(`block/${tip.hash}.bin`)).toBe("503 Service temporarily unavailable: Loading…");
    const [warming] = await askAll(node.url, [["getblockcount"]]);
    expect(warming?.error).toEqual({ code: -28, message: "Loading…" });
  });

  it("sends errors of single calls under their own status in JSON-RPC 1, and lets in who knows the password", async () => {
    const node = await nodeAt(tip, { auth: "user:password" });
    const call = (url: string, body: object) =>
      fetch(url, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { authorization: `Basic ${Buffer.from("user:password").toString("base64")}` },
      });
    expect((await call(node.bareUrl, { id: 1, method: "getblockhash", params: [99] })).status).toBe(500);
    expect((await call(node.bareUrl, { id: 1, method: "nonsense", params: [] })).status).toBe(404);
    const modern = { jsonrpc: "2.0", id: 1, method: "nonsense", params: [] };
    expect((await call(node.bareUrl, modern)).status).toBe(200);
    const barred = await post(node.bareUrl, "{}");
    expect([barred.status, barred.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="jsonrpc"']);
  });
});
