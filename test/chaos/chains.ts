import { readFileSync } from "node:fs";
import type { ChainName } from "../../stream/block.ts";
import * as bitcoin from "../chain/bitcoin/chain.ts";
import { type SimulatedBitcoinNode, startBitcoinNode } from "../chain/bitcoin/node.ts";
import { type ChainBlock, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { story } from "../chain/story.ts";
import { blocksOf } from "../chain/walk.ts";
import { holdersIn, labelFile, printedOf } from "../support/bitcoin-tables.ts";

/** Just above every reorg of the stories: a block below the deepest one's is final. */
export const CONFIRMATIONS = 6;
const FORK_EVERY = 5;
const DEEPEST = CONFIRMATIONS - 1;
const ETHEREUM_START = 1000;
const BITCOIN_START = 1;
/** Heads of Ethereum for one of Bitcoin. */
const HEADS_PER_BITCOIN = 3;
const BITCOIN_FORK_EVERY = 5;
/** Miners' clocks stray by so much. */
const JITTER_S = 1200;

/** A block as the chain itself has it. */
export interface TrueBlock {
  readonly height: number;
  readonly hash: string;
}

/** Two simulated chains behind their nodes, which grow and fork as long as they are told to. */
export interface Chains {
  readonly names: readonly ChainName[];
  readonly environment: Readonly<Record<string, string>>;
  /** What `sluice.json` says of them, and their label file's text. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly labels: string;
  grow(everyMs: number): void;
  /** Stops growing; the chains stay as they are. */
  rest(): void;
  headOf(chain: ChainName): TrueBlock;
  /** The blocks that are final, oldest first. */
  finalOf(chain: ChainName): readonly TrueBlock[];
  close(): Promise<void>;
}

/** Starts both nodes; `blocks` of each chain are there from the beginning. */
export async function startChains(seed: number): Promise<Chains> {
  const ethereum = await startEthereum(seed);
  const rival = await startBitcoin(seed);
  let growing: NodeJS.Timeout | undefined;
  let turns = 0;
  const turn = () => {
    turns += 1;
    ethereum.next();
    if (turns % HEADS_PER_BITCOIN === 0) rival.next(turns / HEADS_PER_BITCOIN);
  };
  const common = { finality: { confirmations: CONFIRMATIONS }, pollMs: 50 };
  const tipOf = (chain: ChainName): readonly TrueBlock[] =>
    chain === "ethereum" ? blocksOf(ethereum.tip()) : blocksOf(rival.tip());
  return {
    names: ["ethereum", "bitcoin"] as ChainName[],
    environment: { ETHEREUM_RPC_URL: ethereum.node.url, BITCOIN_RPC_URL: rival.node.url },
    config: {
      ethereum: { kind: "ethereum", chainId: 1, start: ETHEREUM_START, ...common },
      bitcoin: { kind: "bitcoin", network: "regtest", start: BITCOIN_START, ...common },
    },
    labels: labels(),
    grow: (everyMs) => {
      growing = setInterval(turn, everyMs);
    },
    rest: () => clearInterval(growing),
    headOf: (chain) => (chain === "ethereum" ? ethereum.tip() : rival.tip()),
    finalOf: (chain) => tipOf(chain).slice(0, 1 - CONFIRMATIONS),
    close: async () => {
      clearInterval(growing);
      await Promise.all([ethereum.node.close(), rival.node.close()]);
    },
  };
}

interface Growing<Tip, Node> {
  readonly node: Node;
  tip(): Tip;
  next(turn?: number): void;
}

async function startEthereum(seed: number): Promise<Growing<ChainBlock, SimulatedNode>> {
  let tip = simulateChain({ start: ETHEREUM_START, seed });
  const node = await startNode(tip);
  const heads = story(tip, { forkEvery: FORK_EVERY, deepest: DEEPEST });
  const next = () => {
    tip = heads.next().value;
    node.follow(tip);
  };
  return { node, tip: () => tip, next };
}

async function startBitcoin(seed: number): Promise<Growing<bitcoin.ChainBlock, SimulatedBitcoinNode>> {
  let tip = bitcoin.simulateBitcoin({ jitterS: JITTER_S, seed });
  const node = await startBitcoinNode(tip);
  const next = (turn = 0) => {
    const forks = turn % BITCOIN_FORK_EVERY === 0 && tip.height > CONFIRMATIONS;
    tip = forks
      ? bitcoin.fork(tip, 1 + ((turn / BITCOIN_FORK_EVERY) % DEEPEST), `fork ${turn}`)
      : bitcoin.grow(tip, 1);
    node.follow(tip);
  };
  return { node, tip: () => tip, next };
}

/** The project's own labels of Ethereum, and made-up ones for the addresses of the simulated Bitcoin. */
function labels(): string {
  const ethereum = readFileSync("sql/seeds/exchange_addresses.csv", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("ethereum,"));
  const sample = blocksOf(bitcoin.grow(bitcoin.simulateBitcoin(), 20));
  return `${labelFile(holdersIn(sample.map(printedOf)))}${ethereum.join("\n")}\n`;
}
