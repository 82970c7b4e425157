import type { Logger } from "pino";
import { addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import type { Address, BlockHash, ChainName, TxHash } from "../../../stream/block.ts";
import {
  flowsToJson,
  hourlyKey,
  hourlyToJson,
  markToJson,
  WATERMARK_KEY,
} from "../../../stream/flow/json.ts";
import type { BlockFlows, Leg } from "../../../stream/flow/leg.ts";
import { CLOCK } from "../../../stream/kafka/clock.ts";
import type { StageContext, StageEvent } from "../../../stream/kafka/stage.ts";
import { chainTopics } from "../../../stream/kafka/topics.ts";
import type { Effect, MemoryCluster } from "../../support/memory-broker.ts";

export const CHAIN = "ethereum" as ChainName;
export const TOPICS = chainTopics("", CHAIN);

/** A block of a story: at `at` (ISO, UTC), with legs `[flowType, exchange, asset, amount]`. */
export interface Chapter {
  readonly at: string;
  readonly legs?: readonly (readonly ["inflow" | "outflow", string, string, bigint])[];
}

/** Blocks from `first` on, one a chapter; the watermark is the block's own time, as Ethereum's is. */
export function tell(chapters: readonly Chapter[], first = 100): readonly BlockFlows[] {
  return chapters.map(({ at, legs = [] }, index) => {
    const time = Date.parse(at) / 1000;
    const height = first + index;
    return {
      height,
      hash: `0xb${height}` as BlockHash,
      time,
      watermark: time,
      labelVersion: "v1",
      legs: legs.map((leg, number) => legOf(leg, number, height)),
      fees: [],
    };
  });
}

function legOf(
  [flowType, exchange, asset, amount]: readonly ["inflow" | "outflow", string, string, bigint],
  leg: number,
  height: number,
): Leg {
  const inflow = flowType === "inflow";
  return {
    leg,
    txHash: `0xt${height}.${leg}` as TxHash,
    asset,
    kind: asset === "ETH" ? "native" : "token",
    flowType,
    fromExchange: inflow ? null : exchange,
    toExchange: inflow ? exchange : null,
    fromAddress: "0xfrom" as Address,
    toAddress: "0xto" as Address,
    amount,
    evidence: "block",
  };
}

/** The three topics of a chain as gate, flows and aggregate write them: one transaction a block and topic. */
export function publish(cluster: MemoryCluster, blocks: readonly BlockFlows[]): void {
  const [first] = blocks;
  if (first === undefined) return;
  let state = beginAggregation({ firstHeight: first.height, firstTime: first.time }, 0);
  blocks.forEach((flows, offset) => {
    const outcome = addBlock(state, flows, offset);
    state = outcome.state;
    cluster.append({
      topic: TOPICS.final,
      key: flows.hash,
      value: bytes("raw"),
      headers: {
        height: `${flows.height}`,
        hash: flows.hash,
        parent: `0xb${flows.height - 1}`,
        time: `${flows.time}`,
      },
    });
    cluster.append({ topic: TOPICS.flows, key: flows.hash, value: bytes(flowsToJson(flows)) });
    cluster.append(
      ...outcome.changed.map((row) => ({
        topic: TOPICS.exchangeFlows,
        key: hourlyKey(row),
        value: bytes(hourlyToJson(row)),
      })),
      { topic: TOPICS.exchangeFlows, key: WATERMARK_KEY, value: bytes(markToJson(outcome.mark)) },
    );
  });
}

/** What the sink is given, on a connection of its own to `cluster`. */
export function contextOn(
  cluster: MemoryCluster,
  options: {
    readonly until?: number;
    readonly signal?: AbortSignal;
    readonly onEffect?: (effect: Effect) => void;
    readonly report?: (event: StageEvent) => void;
  } = {},
): StageContext & { readonly crash: () => void } {
  const broker = cluster.connect(options.onEffect);
  return {
    chain: CHAIN,
    broker,
    topics: TOPICS,
    prefix: "",
    replication: 1,
    log: silentLog,
    clock: CLOCK,
    signal: options.signal ?? new AbortController().signal,
    until: options.until,
    report: options.report ?? (() => {}),
    crash: () => broker.kill(),
  };
}

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}
