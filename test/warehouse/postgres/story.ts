import fc from "fast-check";
import type { Logger } from "pino";
import { addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import type { Address, BlockHash, BlockHeader, ChainName, TxHash } from "../../../stream/block.ts";
import type { Reorg } from "../../../stream/finality.ts";
import {
  flowsToJson,
  hourlyKey,
  hourlyToJson,
  markToJson,
  reorgToJson,
  WATERMARK_KEY,
} from "../../../stream/flow/json.ts";
import type { BlockFlows, FlowType, Leg } from "../../../stream/flow/leg.ts";
import type { Broker, KafkaRecord, OutgoingRecord } from "../../../stream/kafka/broker.ts";
import { CLOCK } from "../../../stream/kafka/clock.ts";
import type { StageContext, StageEvent } from "../../../stream/kafka/stage.ts";
import { chainTopics } from "../../../stream/kafka/topics.ts";
import type { TopicKind } from "../../../warehouse/postgres/staging.ts";

export const CHAIN = "ethereum" as ChainName;
export const TOPICS = chainTopics("", CHAIN);
export const START = Date.parse("2023-07-13T17:00:00Z") / 1000;

/** What a test says of a leg. */
export interface LegSpec {
  readonly flowType: FlowType;
  readonly amount: bigint;
  readonly asset?: string;
  readonly from?: string;
  readonly to?: string;
}

/** A block hash of a story: 32 bytes that say which block it is. */
export function hashOf(name: string): BlockHash {
  return `0x${Buffer.from(name).toString("hex").padStart(64, "0")}` as BlockHash;
}

/** A block of a story, at `height` and `time`, with its legs. */
export function block(height: number, time: number, legs: readonly LegSpec[] = []): BlockFlows {
  return {
    height,
    hash: hashOf(`b${height}`),
    time,
    watermark: time,
    labelVersion: "v1",
    legs: legs.map((spec, leg) => legOf(spec, height, leg)),
    fees: [],
  };
}

function legOf(spec: LegSpec, height: number, leg: number): Leg {
  const issued = spec.flowType === "issued";
  return {
    leg,
    txHash: issued ? null : (hashOf(`t${height}.${leg}`) as string as TxHash),
    asset: spec.asset ?? "ETH",
    kind: issued ? "withdrawal" : "native",
    flowType: spec.flowType,
    fromExchange: spec.from ?? null,
    toExchange: spec.to ?? null,
    fromAddress: issued ? null : ("0xa1" as Address),
    toAddress: "0xb2" as Address,
    amount: spec.amount,
    evidence: "block",
  };
}

/** The headers of a story's blocks. */
export function headersOf(blocks: readonly BlockFlows[]): readonly BlockHeader[] {
  return blocks.map(({ height, hash, time }) => ({ height, hash, time, parent: hashOf(`b${height - 1}`) }));
}

/** The reorg that took `orphaned` (newest first) away for `newTip`. */
export function reorg(rawOffset: number, orphaned: readonly BlockHeader[], newTip: BlockHeader): Reorg {
  const [oldTip] = orphaned;
  const oldest = orphaned.at(-1);
  if (oldTip === undefined || oldest === undefined) throw new Error("a reorg orphans a block");
  const ancestor = { height: oldest.height - 1, hash: oldest.parent };
  return { rawOffset, oldTip, newTip, ancestor, depth: orphaned.length, orphaned };
}

/** What the stages before the sink write of these blocks and reorgs: the records of each topic. */
export function recordsOf(
  blocks: readonly BlockFlows[],
  reorgs: readonly Reorg[] = [],
): Readonly<Record<TopicKind, readonly OutgoingRecord[]>> {
  const [first] = blocks;
  if (first === undefined) throw new Error("a story has a block");
  let state = beginAggregation({ firstHeight: first.height, firstTime: first.time }, 0);
  const exchangeFlows = blocks.flatMap((flows, offset) => {
    const outcome = addBlock(state, flows, offset);
    state = outcome.state;
    return [
      ...outcome.changed.map((row) => outgoing(TOPICS.exchangeFlows, hourlyKey(row), hourlyToJson(row))),
      outgoing(TOPICS.exchangeFlows, WATERMARK_KEY, markToJson(outcome.mark)),
    ];
  });
  return {
    final: headersOf(blocks).map((header) => finalRecord(header)),
    reorgs: reorgs.map((one) => outgoing(TOPICS.reorgs, String(one.rawOffset), reorgToJson(one))),
    flows: blocks.map((flows) => outgoing(TOPICS.flows, flows.hash, flowsToJson(flows))),
    exchangeFlows,
  };
}

function finalRecord({ height, hash, parent, time }: BlockHeader): OutgoingRecord {
  const headers = { chain: CHAIN, height: String(height), hash, parent, time: String(time) };
  return { ...outgoing(TOPICS.final, hash, "block"), headers };
}

function outgoing(topic: string, key: string, value: string): OutgoingRecord {
  return { topic, key, value: Buffer.from(value) };
}

/** Records as they are read, two offsets apart, since transaction markers leave holes. */
export function asRead(records: readonly OutgoingRecord[]): readonly KafkaRecord[] {
  return records.map((record, index) => ({ headers: {}, ...record, offset: 2 * index }));
}

/** Stories of up to a few hundred hours in which all flow types of three exchanges and two assets occur. */
export const stories: fc.Arbitrary<readonly BlockFlows[]> = fc
  .array(
    fc.record({ afterS: fc.integer({ min: 12, max: 9000 }), legs: fc.array(legSpecs(), { maxLength: 6 }) }),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  .map((chapters) => {
    let time = START;
    return chapters.map(({ afterS, legs }, index) => {
      time += afterS;
      return block(100 + index, time, legs);
    });
  });

function legSpecs(): fc.Arbitrary<LegSpec> {
  const amount = fc.oneof(fc.bigInt({ min: 1n, max: 10n }), fc.bigInt({ min: 1n, max: 2n ** 240n }));
  const exchange = fc.constantFrom("binance", "kraken", "gate.io");
  const asset = fc.constantFrom("ETH", "USDT");
  const types = fc.constantFrom<FlowType>("inflow", "outflow", "inter", "intra", "issued", "redeemed");
  return fc.tuple(types, amount, asset, exchange, exchange).map(([flowType, sum, symbol, from, other]) => {
    const to = flowType === "intra" ? from : other;
    const spec = {
      flowType: flowType === "inter" && from === to ? ("intra" as const) : flowType,
      amount: sum,
      asset: symbol,
    };
    switch (spec.flowType) {
      case "inflow":
      case "issued":
        return { ...spec, to };
      case "outflow":
      case "redeemed":
        return { ...spec, from };
      default:
        return { ...spec, from, to };
    }
  });
}

/** What the sink is given on `broker`. */
export function contextOn(
  broker: Broker,
  options: {
    readonly until?: number;
    readonly signal?: AbortSignal;
    readonly events?: StageEvent[];
    readonly log?: Logger;
  } = {},
): StageContext {
  return {
    chain: CHAIN,
    broker,
    topics: TOPICS,
    prefix: "",
    replication: 1,
    log: options.log ?? silent,
    clock: CLOCK,
    signal: options.signal ?? new AbortController().signal,
    until: options.until,
    report: (event) => options.events?.push(event),
  };
}

/** A logger that says nothing. */
export const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;
