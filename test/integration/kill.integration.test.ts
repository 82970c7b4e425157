import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres } from "../../runtime/services/postgres.ts";
import * as btc from "../chain/bitcoin/chain.ts";
import { type SimulatedBitcoinNode, startBitcoinNode } from "../chain/bitcoin/node.ts";
import { type ChainBlock, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { story } from "../chain/story.ts";
import { blocksOf } from "../chain/walk.ts";
import { removeHome, temporaryHome } from "../services.ts";
import { holdersIn, labelFile, printedOf } from "../support/bitcoin-tables.ts";
import { childOf, untilGone } from "../support/processes.ts";
import { type Sluice, sluice, startSluice } from "../support/sluice.ts";
import { dumpStores, type StoreRows } from "../support/stores.ts";

const START = 1000;
const CONFIRMATIONS = 6;
const BETWEEN_BLOCKS_MS = 150;
const BETWEEN_KILLS_MS = 2500;
const CATCH_UP_MS = 150_000;
/** Nine kills, and two runs whole. */
const TEST_MS = 420_000;

/** One of each kind; every stage of both chains is killed under `test/chaos`, where no supervisor helps. */
const stages = [
  "ingest ethereum",
  "gate bitcoin",
  "flows ethereum",
  "aggregate bitcoin",
  "warehouse postgres --chain ethereum",
  "warehouse parquet --chain bitcoin",
];

const root = temporaryHome("kill");
let node: SimulatedNode;
let tip: ChainBlock;
let bitcoinNode: SimulatedBitcoinNode;
let bitcoinTip: btc.ChainBlock;

beforeAll(async () => {
  tip = simulateChain({ start: START });
  node = await startNode(tip);
  bitcoinTip = btc.simulateBitcoin({ jitterS: 1200 });
  bitcoinNode = await startBitcoinNode(bitcoinTip);
});

afterAll(async () => {
  await node.close();
  await bitcoinNode.close();
  removeHome(root);
});

function environment(name: string): Record<string, string> {
  const home = join(root, name);
  mkdirSync(home, { recursive: true });
  const common = { finality: { confirmations: CONFIRMATIONS }, pollMs: 50 };
  const chains = {
    ethereum: { kind: "ethereum", chainId: 1, start: START, ...common },
    bitcoin: { kind: "bitcoin", network: "regtest", start: 1, ...common },
  };
  const seeds = (file: string) => join(process.cwd(), "sql/seeds", file);
  const ethereumLabels = readFileSync(seeds("exchange_addresses.csv"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("ethereum,"));
  const holders = holdersIn(blocksOf(btc.grow(btc.simulateBitcoin(), 20)).map(printedOf));
  writeFileSync(join(home, "labels.csv"), `${labelFile(holders)}${ethereumLabels.join("\n")}\n`);
  writeFileSync(
    join(home, "sluice.json"),
    JSON.stringify({ chains, labels: ["labels.csv"], assets: [seeds("assets.csv")] }),
  );
  return {
    SLUICE_HOME: home,
    SLUICE_CONFIG: join(home, "sluice.json"),
    ETHEREUM_RPC_URL: node.url,
    BITCOIN_RPC_URL: bitcoinNode.url,
    KAFKA_BROKERS: "",
    DATABASE_URL: "",
  };
}

/** Both chains to their final blocks of now. */
function untils(): readonly string[] {
  const final = (height: number) => height - CONFIRMATIONS + 1;
  return ["--until", `ethereum=${final(tip.height)}`, "--until", `bitcoin=${final(bitcoinTip.height)}`];
}

/** Lets both nodes show one head after another, with a fork every few blocks; returns what ends it. */
function growBoth(): () => void {
  const heads = story(tip, { forkEvery: 5, deepest: 4 });
  let turns = 0;
  const growing = setInterval(() => {
    turns += 1;
    tip = heads.next().value;
    node.follow(tip);
    if (turns % 3 !== 0) return;
    const forks = turns % 15 === 0 && bitcoinTip.height > CONFIRMATIONS;
    bitcoinTip = forks ? btc.fork(bitcoinTip, 1 + (turns % 4), `fork ${turns}`) : btc.grow(bitcoinTip, 1);
    bitcoinNode.follow(bitcoinTip);
  }, BETWEEN_BLOCKS_MS);
  return () => clearInterval(growing);
}

/** Kills every part of a run in turn, and at last the run itself; ends with the run that came after. */
async function killEverything(env: Record<string, string>): Promise<Sluice> {
  const run = startSluice(["run"], env);
  const home = String(env["SLUICE_HOME"]);
  const pid = Number(run.process.pid);
  let over = false;
  const early = run.ended.then((end) => {
    if (!over) throw new Error(`the run ended by itself with ${end.code}:\n${end.err}`);
  });
  await Promise.race([early, killParts(pid, home)]);
  over = true;
  run.process.kill("SIGKILL");
  await run.ended;
  await untilGone(home);
  return startSluice(["run", ...untils()], env);
}

async function killParts(run: number, home: string): Promise<void> {
  await childOf(run, String(stages.at(-1)));
  await sleep(2 * BETWEEN_KILLS_MS);
  const victims = [
    ...stages.map((stage) => () => childOf(run, stage)),
    async () => Number(readFileSync(join(home, "kafka", "server.pid"), "utf8")),
    async () => Number(readFileSync(join(home, "postgres", "server.pid"), "utf8")),
  ];
  for (const victim of victims) {
    process.kill(await victim(), "SIGKILL");
    await sleep(BETWEEN_KILLS_MS);
  }
}

async function dump(env: Record<string, string>): Promise<StoreRows> {
  const postgres = await startPostgres({ home: String(env["SLUICE_HOME"]) });
  try {
    return await dumpStores(postgres.url, env);
  } finally {
    await postgres.stop();
  }
}

async function late(run: Sluice): Promise<never> {
  await sleep(CATCH_UP_MS);
  throw new Error(`the run after the kills did not come to its end:\n${run.printed.err}`);
}

test(
  "stages, the broker, Postgres and the supervisor killed in turn: the same rows as a run without",
  async () => {
    const stop = growBoth();
    const killed = environment("killed");
    const last = await killEverything(killed).finally(stop);
    const end = await Promise.race([last.ended, late(last)]);
    expect([end.code, end.code === 0 ? "" : end.err]).toEqual([0, ""]);

    const quiet = environment("quiet");
    await sluice(["run", ...untils()], quiet);
    const [rows, wanted] = [await dump(killed), await dump(quiet)];
    const legsOf = (chain: string) =>
      wanted["flow_legs"]?.filter((row) => row.includes(`"chain":"${chain}"`)).length;
    expect(legsOf("ethereum")).toBeGreaterThan(1000);
    expect(legsOf("bitcoin")).toBeGreaterThan(100);
    for (const table of Object.keys(wanted)) expect([table, rows[table]]).toEqual([table, wanted[table]]);
    await untilGone(root);
  },
  TEST_MS,
);
