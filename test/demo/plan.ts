import type { ChainName } from "../../stream/block.ts";

/** What the demo shows of each chain: fifty hours, whose blocks are ten minutes apart. */
export const PLAN = {
  /** 2026-01-01T22:00:00Z: an hour's beginning, so that 48 whole hours and two whole days fit. */
  startTime: 1_767_304_800,
  spacingS: 600,
  confirmations: 6,
  /** A new head every so often: 305 of them in 52 s. */
  headEveryMs: 170,
  /** Once the fifty hours are over. */
  thenEveryMs: 2000,
  forkEvery: 5,
  deepest: 4,
  seed: 7,
  /** The whole UTC days. */
  days: ["2026-01-02", "2026-01-03"],
} as const;

/** One of the demo's chains. */
export interface DemoChain {
  readonly name: ChainName;
  /** As it is written in a sentence. */
  readonly title: string;
  /** Heights of the first block, and of the one with which the fifty hours are complete. */
  readonly start: number;
  readonly last: number;
  /** Its node, below `test/`, and what only that one takes. */
  readonly node: { readonly program: string; readonly options: Readonly<Record<string, number>> };
  /** What only its config has. */
  readonly config: Readonly<Record<string, unknown>>;
}

const ETHEREUM: DemoChain = {
  name: "ethereum" as ChainName,
  title: "Ethereum",
  start: 1000,
  last: 1300,
  node: { program: "chain/main.js", options: {} },
  config: { kind: "ethereum", chainId: 1 },
};

/** How far the times of Bitcoin's blocks stray from their ten minutes. */
const JITTER_S = 1500;

/** An hour of Bitcoin is complete by the median of eleven times: five blocks and the jitter after its end. */
const BITCOIN: DemoChain = {
  name: "bitcoin" as ChainName,
  title: "Bitcoin",
  start: 200,
  last: 508,
  node: { program: "chain/bitcoin/main.js", options: { jitter: JITTER_S } },
  config: { kind: "bitcoin", network: "regtest" },
};

/** The demo's chains, in the order in which they are shown. */
export const CHAINS: readonly DemoChain[] = [ETHEREUM, BITCOIN];

/** All of them, as in a sentence. */
export const CHAIN_TITLES = CHAINS.map(({ title }) => title).join(" and ");

/** When the block at `height` is due. */
export function clockAt({ start }: DemoChain, height: number): string {
  return clockOf(PLAN.startTime + (height - start) * PLAN.spacingS);
}

/** Unix seconds as `2026-01-01 22:00 UTC`. */
export function clockOf(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
