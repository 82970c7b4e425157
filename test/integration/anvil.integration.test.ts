import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { type OracleBooks, oracleFees, oracleLegs } from "../support/oracle.ts";
import { followRaw, type RawTopic } from "../support/raw-topic.ts";
import type { RealBlock } from "../support/real-blocks.ts";
import { type Sluice, startSluice } from "../support/sluice.ts";

const DEEPEST = 10;
const CONFIRMATIONS = 12;
const STORED_WITHIN_MS = 120_000;

/** Accounts of Anvil's well-known mnemonic; the third is nobody's. */
const ALPHA = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const BETA = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const NOBODY = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";
const books: OracleBooks = {
  labels: new Map([
    [ALPHA, "alpha"],
    [BETA, "beta"],
  ]),
  tokens: new Map(),
};

/** A chain that we did not make: reorgs of depth 1 to 10, with other transactions in the other branch. */
describe("Anvil reorganises while Sluice runs", () => {
  const home = temporaryHome("anvil");
  const closers: (() => Promise<void> | void)[] = [];
  let anvil: Anvil;
  let raw: RawTopic;
  let run: Sluice;
  let db: Client;

  beforeAll(async () => {
    anvil = await startAnvil();
    await anvil.rpc("evm_setAutomine", false);
    const [kafka, postgres] = [await testKafka(), await testPostgres()];
    closers.push(kafka.stop, postgres.stop, anvil.stop);
    db = new Client({ connectionString: postgres.url });
    await db.connect();
    run = startSluice(["run"], {
      KAFKA_BROKERS: kafka.brokers,
      DATABASE_URL: postgres.url,
      ETHEREUM_RPC_URL: `http://127.0.0.1:${anvil.port}`,
      SLUICE_HOME: join(home, "data"),
      SLUICE_CONFIG: writeConfig(home),
    });
    raw = await followRaw(kafka.brokers, "ethereum.blocks.raw.v1");
    await tellTheStory();
  });

  afterAll(async () => {
    run?.process.kill("SIGKILL");
    await raw?.close();
    await db?.end();
    for (const close of closers.reverse()) await close();
    removeHome(home);
  });

  const pay = (from: string, to: string, wei: number) =>
    anvil.rpc("eth_sendTransaction", { from, to, value: `0x${wei.toString(16)}` });
  const head = async () =>
    String(((await anvil.rpc("eth_getBlockByNumber", "latest", false)) as { hash: string }).hash);
  const mine = () => anvil.rpc("anvil_mine", "0x1");

  async function tellTheStory(): Promise<void> {
    await mine();
    for (let depth = 1; depth <= DEEPEST; depth++) {
      for (let block = 0; block <= depth; block++) {
        await pay(ALPHA, NOBODY, 1000 * depth + block);
        await pay(NOBODY, BETA, 500 * depth + block);
        await mine();
      }
      await raw.untilHead(await head());
      const other = {
        from: BETA,
        to: ALPHA,
        value: `0x${(7000 + depth).toString(16)}`,
        gas: "0x5208",
        gasPrice: "0x77359400",
      };
      await anvil.rpc("anvil_reorg", depth, [[other, 0]]);
      await mine();
      await raw.untilHead(await head());
    }
    await anvil.rpc("anvil_mine", `0x${CONFIRMATIONS.toString(16)}`);
    await raw.untilHead(await head());
  }

  /** Waits by height, since Anvil gives many blocks one time. */
  async function stored(height: number): Promise<void> {
    const end = performance.now() + STORED_WITHIN_MS;
    for (;;) {
      const { rows } = await db.query(
        "select topic from sluice.offsets where through_height >= $1 and topic not like '%.reorgs.v1'",
        [height],
      );
      if (rows.length === 3) return;
      if (performance.now() > end)
        throw new Error(`height ${height} was not stored in time:\n${run.printed.err}`);
      await sleep(100);
    }
  }

  async function canonical(upTo: number): Promise<readonly RealBlock[]> {
    const blocks: RealBlock[] = [];
    for (let height = 1; height <= upTo; height++) {
      const block = (await anvil.rpc(
        "eth_getBlockByNumber",
        `0x${height.toString(16)}`,
        true,
      )) as RealBlock["block"];
      const receipts = (await anvil.rpc("eth_getBlockReceipts", block.number)) as RealBlock["receipts"];
      blocks.push({ block, receipts, traces: undefined, blockBalanceChanges: [] });
    }
    return blocks;
  }

  test("only what survived is in legs and aggregates; reorgs and blocks tell the story; Ctrl-C ends it with 0", async () => {
    const tip = Number(await anvil.rpc("eth_blockNumber"));
    const finalHeight = tip - CONFIRMATIONS + 1;
    await stored(finalHeight);
    run.process.kill("SIGINT");
    expect((await run.ended).code).toBe(0);

    const chain = await canonical(finalHeight);
    const legs = chain.flatMap((real) =>
      oracleLegs(real, books).map((leg) => ({ height: Number(real.block.number), ...leg })),
    );
    const columns =
      "height::int, tx_hash, asset, kind, flow_type, from_exchange, to_exchange, from_address, to_address, amount::text";
    expect((await db.query(`select ${columns} from flow_legs order by flow_legs.height, leg`)).rows).toEqual(
      legs,
    );

    const sum = (side: "from" | "to", exchange: string) =>
      String(
        legs
          .filter((leg) => leg[`${side}_exchange`] === exchange)
          .reduce((total, leg) => total + BigInt(leg.amount), 0n),
      );
    const fee = (exchange: string) =>
      String(chain.reduce((total, real) => total + (oracleFees(real, books).get(exchange) ?? 0n), 0n));
    const hours = await db.query(
      "select exchange, sum(inflow)::text as inflow, sum(outflow)::text as outflow, sum(fees)::text as fees from exchange_flows_hourly group by exchange order by exchange",
    );
    expect(hours.rows).toEqual(
      ["alpha", "beta"].map((exchange) => ({
        exchange,
        inflow: sum("to", exchange),
        outflow: sum("from", exchange),
        fees: fee(exchange),
      })),
    );

    const depths = await db.query("select depth from reorgs order by raw_offset");
    expect(depths.rows.map((row) => Number(row.depth))).toEqual(
      Array.from({ length: DEEPEST }, (_, index) => index + 1),
    );
    const blocks = await db.query("select block_hash, status from blocks order by height, block_hash");
    const final = new Set(chain.map((real) => real.block.hash));
    const orphaned = raw.announced
      .filter((block) => block.height <= finalHeight && !final.has(block.hash))
      .map((block) => block.hash);
    const withStatus = (status: string) =>
      blocks.rows.filter((row) => row.status === status).map((row) => row.block_hash);
    expect(withStatus("final")).toEqual(chain.map((real) => real.block.hash));
    expect(new Set(withStatus("orphaned"))).toEqual(new Set(orphaned));
    expect(orphaned.length).toBe((DEEPEST * (DEEPEST + 1)) / 2);
  });
});

function writeConfig(home: string): string {
  const ethereum = {
    kind: "ethereum",
    chainId: 31_337,
    start: 1,
    finality: { confirmations: CONFIRMATIONS },
    pollMs: 50,
  };
  const labels = [`ethereum,${ALPHA},alpha,hot,,,test`, `ethereum,${BETA},beta,hot,,,test`];
  writeFileSync(
    join(home, "labels.csv"),
    ["chain,address,exchange,wallet,role,valid_from,source", ...labels, ""].join("\n"),
  );
  writeFileSync(join(home, "assets.csv"), "chain,asset,contract,decimals\nethereum,ETH,,18\n");
  const path = join(home, "sluice.json");
  writeFileSync(
    path,
    JSON.stringify({ chains: { ethereum }, labels: ["labels.csv"], assets: ["assets.csv"] }),
  );
  return path;
}
