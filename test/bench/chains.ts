import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ChainName } from "../../stream/block.ts";
import { regtestLabels } from "../chain/bitcoin/labels.ts";
import { measureFullBlock } from "./full-block.ts";
import { call, type Form } from "./serving.ts";

/** A chain that is measured. */
export interface BenchChain {
  readonly name: ChainName;
  /** Its node below `test/`, and what the node is told. */
  readonly program: string;
  readonly nodeOptions: readonly string[];
  /** What its blocks are like. */
  readonly blocks: string;
  /** What its config has beside `start` and `finality`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The text of its label file. */
  readonly labels: () => string;
  readonly forms: readonly [Form, ...Form[]];
  /** What one thread does with the largest block, told before all else. */
  readonly ofOneThread?: () => Promise<string>;
}

const ethereumHash = {
  hashCall: (height: number) => call(height, "eth_getBlockByNumber", `0x${height.toString(16)}`, false),
  hashIn: (result: unknown) => (result as { hash: string }).hash,
};

const bitcoinHash = {
  hashCall: (height: number) => call(height, "getblockhash", height),
  hashIn: (result: unknown) => result as string,
};

const batch = (...calls: readonly unknown[]) => [{ kind: "calls", calls } as const];

const ETHEREUM: BenchChain = {
  name: "ethereum" as ChainName,
  program: "chain/main.js",
  nodeOptions: ["--bodies", "mainnet-size", "--spacing", "12"],
  blocks: "blocks of 150 to 200 real transactions",
  config: { kind: "ethereum", chainId: 1 },
  labels: () => readFileSync(resolve("sql/seeds/exchange_addresses.csv"), "utf8"),
  forms: [
    {
      name: "json",
      blocks: 2000,
      nodeFlag: "--no-raw",
      ...ethereumHash,
      blockRequests: (hash) =>
        batch(call(0, "eth_getBlockByHash", hash, true), call(1, "eth_getBlockReceipts", hash)),
    },
    {
      name: "raw",
      blocks: 2000,
      ...ethereumHash,
      blockRequests: (hash) =>
        batch(call(0, "debug_getRawBlock", hash), call(1, "debug_getRawReceipts", hash)),
    },
  ],
};

const BITCOIN: BenchChain = {
  name: "bitcoin" as ChainName,
  program: "chain/bitcoin/main.js",
  nodeOptions: ["--bodies", "mainnet-size"],
  blocks: "blocks of 3,125 real transactions, those of all bodies in one",
  config: { kind: "bitcoin", network: "regtest" },
  labels: regtestLabels,
  ofOneThread: measureFullBlock,
  forms: [
    {
      name: "REST",
      blocks: 600,
      ...bitcoinHash,
      blockRequests: (hash) =>
        ["block", "spenttxouts"].map((what) => ({ kind: "get", path: `/rest/${what}/${hash}.bin` })),
    },
    {
      name: "getblock 3",
      blocks: 150,
      nodeFlag: "--no-rest",
      ...bitcoinHash,
      blockRequests: (hash) => [{ kind: "calls", calls: call(0, "getblock", hash, 3) }],
    },
  ],
};

/** All chains that can be measured. */
export const BENCH_CHAINS: readonly BenchChain[] = [ETHEREUM, BITCOIN];
