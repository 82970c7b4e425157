import type { Address, BlockHash, TxHash } from "../block.ts";

/** What moved the value. `utxo` and `coinbase` are Bitcoin's. */
export type LegKind = "native" | "internal" | "token" | "withdrawal" | "reward" | "utxo" | "coinbase";
/** Which way it flowed, seen from the labelled side. */
export type FlowType = "inflow" | "outflow" | "inter" | "intra" | "issued" | "redeemed";
/**
 * What a figure rests on: `block`, data that the block's own hash commits to; `trace`, the node's execution trace;
 * `prevout`, the node's spent outputs; `unproven`, neither (a waived proof, or a pre-Byzantium receipt without a trace).
 */
export type Evidence = "block" | "trace" | "prevout" | "unproven";

/** One movement of value with a labelled side; amounts in base units. */
export interface Leg {
  /** Counts a block's legs from 0. */
  readonly leg: number;
  readonly txHash: TxHash | null;
  readonly asset: string;
  readonly kind: LegKind;
  readonly flowType: FlowType;
  readonly fromExchange: string | null;
  readonly toExchange: string | null;
  readonly fromAddress: Address | null;
  readonly toAddress: Address | null;
  readonly amount: bigint;
  readonly evidence: Evidence;
}

/** What an exchange paid in fees within one block, in base units of the native asset. */
export interface Fee {
  readonly exchange: string;
  readonly asset: string;
  readonly amount: bigint;
}

/** Everything that flowed in one final block: one record of `<chain>.flows.v1`. */
export interface BlockFlows {
  readonly height: number;
  readonly hash: BlockHash;
  /** Unix seconds. */
  readonly time: number;
  /** The time below which no valid future block can fall (Unix seconds); null where the block alone does not tell it. */
  readonly watermark: number | null;
  /** Version of labels and assets by which the legs were made. */
  readonly labelVersion: string;
  readonly legs: readonly Leg[];
  readonly fees: readonly Fee[];
}

/** One row of `exchange_flows_hourly`: an exchange, an asset and a UTC hour; amounts in base units. `hour` is Unix seconds. */
export interface HourlyFlow {
  readonly exchange: string;
  readonly asset: string;
  readonly hour: number;
  readonly inflow: bigint;
  readonly outflow: bigint;
  readonly inflowInter: bigint;
  readonly outflowInter: bigint;
  readonly intra: bigint;
  readonly inflowTxs: number;
  readonly outflowTxs: number;
  readonly inflowTransfers: number;
  readonly outflowTransfers: number;
  readonly issued: bigint;
  readonly redeemed: bigint;
  readonly fees: bigint;
  readonly complete: boolean;
  readonly firstHeight: number;
  readonly lastHeight: number;
}

/** The `watermark` record that ends each transaction of aggregate: the last block whose outcome stands before it. */
export interface WatermarkMark {
  readonly height: number;
  readonly hash: BlockHash;
  readonly time: number;
  readonly watermark: number | null;
  /** The chain's first block in Sluice: what coverage is measured from. */
  readonly firstHeight: number;
  readonly firstTime: number;
  /** Height of the oldest block that open hours, or the watermark, rest on: a replay begins there or before; null: none. */
  readonly openFrom: number | null;
}
