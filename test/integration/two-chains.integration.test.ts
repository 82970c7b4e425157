import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ChainBlock as BitcoinBlock,
  grow as growBitcoin,
  simulateBitcoin,
} from "../chain/bitcoin/chain.ts";
import { type SimulatedBitcoinNode, startBitcoinNode } from "../chain/bitcoin/node.ts";
import { type ChainBlock as EthereumBlock, grow as growEthereum, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { blocksOf } from "../chain/walk.ts";
import { removeHome, temporaryHome } from "../services.ts";
import type { Holders } from "../stream/bitcoin/oracle.ts";
import { holdersIn, labelFile, printedOf } from "../support/bitcoin-tables.ts";
import { type Sluice, sluice, startSluice } from "../support/sluice.ts";

const CONFIRMATIONS = 2;
const PATIENCE_MS = 120_000;
/** Of pino's levels. */
const WARNING = 40;

/** How far each chain is, in the words of `sluice status --json`. */
interface Standing {
  readonly chain: string;
  readonly raw: number | null;
  readonly postgres: number | null;
}

/** Both chains with embedded services, as users run them. */
describe("Bitcoin beside Ethereum in one run", () => {
  const home = temporaryHome("two-chains");
  let env: Record<string, string> = {};
  let run: Sluice;
  let ethereum: EthereumBlock;
  let bitcoin: BitcoinBlock;
  let ethereumNode: SimulatedNode;
  let bitcoinNode: SimulatedBitcoinNode;

  beforeAll(async () => {
    ethereum = growEthereum(simulateChain({ start: 1000 }), 5);
    bitcoin = growBitcoin(simulateBitcoin(), 5);
    ethereumNode = await startNode(ethereum);
    bitcoinNode = await startBitcoinNode(bitcoin);
    env = {
      SLUICE_HOME: home,
      SLUICE_CONFIG: writeConfig(home, holdersIn(blocksOf(growBitcoin(bitcoin, 20)).map(printedOf))),
      KAFKA_BROKERS: "",
      DATABASE_URL: "",
      ETHEREUM_RPC_URL: ethereumNode.url,
      BITCOIN_RPC_URL: bitcoinNode.url,
    };
    run = startSluice(["run"], env);
  });

  afterAll(async () => {
    if (run.process.exitCode === null) run.process.kill("SIGKILL");
    await run.ended;
    await ethereumNode.close();
    await bitcoinNode.close();
    removeHome(home);
  });

  /** Waits until what is final below these heads is stored, and nothing above. */
  async function untilStored(heads: { readonly ethereum: number; readonly bitcoin: number }): Promise<void> {
    const wanted = Object.entries(heads).map(([chain, raw]) => {
      return { chain, raw, postgres: raw - CONFIRMATIONS + 1 };
    });
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      if (run.process.exitCode !== null) throw new Error(`the run ended:\n${run.printed.err}`);
      const standings = await standing(env);
      if (JSON.stringify(standings) === JSON.stringify(wanted)) return;
      if (performance.now() > end) expect(standings, run.printed.err).toEqual(wanted);
      await sleep(300);
    }
  }

  test("both chains reach the stores", async () => {
    await untilStored({ ethereum: ethereum.height, bitcoin: bitcoin.height });
  });

  test("Ethereum's node is down: Bitcoin goes on, and Ethereum when it is back", async () => {
    const { port } = ethereumNode;
    const stood = ethereum.height;
    await ethereumNode.close();
    bitcoin = growBitcoin(bitcoin, 4);
    bitcoinNode.follow(bitcoin);
    await untilStored({ ethereum: stood, bitcoin: bitcoin.height });
    ethereum = growEthereum(ethereum, 4);
    ethereumNode = await startNode(ethereum, { port });
    await untilStored({ ethereum: ethereum.height, bitcoin: bitcoin.height });
  });

  test("Bitcoin's node is down: Ethereum goes on, and Bitcoin when it is back", async () => {
    const { port } = bitcoinNode;
    const stood = bitcoin.height;
    await bitcoinNode.close();
    ethereum = growEthereum(ethereum, 4);
    ethereumNode.follow(ethereum);
    await untilStored({ ethereum: ethereum.height, bitcoin: stood });
    bitcoin = growBitcoin(bitcoin, 4);
    bitcoinNode = await startBitcoinNode(bitcoin, { port });
    await untilStored({ ethereum: ethereum.height, bitcoin: bitcoin.height });
  });

  test("no stage was restarted meanwhile, and the run ends in order", async () => {
    run.process.kill("SIGTERM");
    const end = await run.ended;
    expect([end.code, end.code === 0 ? "" : end.err]).toEqual([0, ""]);
    const lines = end.err.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
    const warnings = lines.flatMap(({ level, msg }) => (level >= WARNING ? [msg] : []));
    expect(new Set(warnings)).toEqual(new Set(["node fails"]));
    expect(lines.filter(({ msg }) => msg === "node answers again").map(({ chain }) => chain)).toEqual([
      "ethereum",
      "bitcoin",
    ]);
  });

  test("the stores have both chains, and are one", async () => {
    const found = JSON.parse(await sluice(["verify", "--json"], env));
    expect(found.chains).toEqual([
      { chain: "ethereum", blocks: ethereum.height - 999, refused: [] },
      { chain: "bitcoin", blocks: bitcoin.height, refused: [] },
    ]);
    expect(found.stores.findings).toEqual([]);
    const query =
      "select chain, count(*)::integer as legs from flow_legs group by chain having count(*) > 20 order by chain";
    const rows = JSON.parse(await sluice(["sql", "--json", query], env)) as readonly { chain: string }[];
    expect(rows.map(({ chain }) => chain)).toEqual(["bitcoin", "ethereum"]);
  });
});

async function standing(env: Readonly<Record<string, string>>): Promise<readonly Standing[]> {
  const { chains } = JSON.parse(await sluice(["status", "--json"], env)) as { chains: readonly Standing[] };
  return chains.map(({ chain, raw, postgres }) => ({ chain, raw, postgres }));
}

function writeConfig(home: string, holders: Holders): string {
  const finality = { confirmations: CONFIRMATIONS };
  const chains = {
    ethereum: { kind: "ethereum", chainId: 1, start: 1000, finality, pollMs: 50 },
    bitcoin: { kind: "bitcoin", network: "regtest", start: 1, finality, pollMs: 50 },
  };
  const files = {
    labels: [join(home, "labels.csv")],
    assets: [resolve("sql/seeds/assets.csv")],
  };
  const ethereum = readFileSync("sql/seeds/exchange_addresses.csv", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("ethereum,"));
  writeFileSync(join(home, "labels.csv"), `${labelFile(holders)}${ethereum.join("\n")}\n`);
  const path = join(home, "sluice.json");
  writeFileSync(path, JSON.stringify({ chains, ...files }));
  return path;
}
