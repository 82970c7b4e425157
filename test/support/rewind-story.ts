import { addBlock, beginAggregation, type FirstBlock } from "../../stream/aggregation.ts";
import type { BlockHeader, TxHash } from "../../stream/block.ts";
import { hourlyKey, hourlyToJson, WATERMARK_KEY } from "../../stream/flow/json.ts";
import type { BlockFlows } from "../../stream/flow/leg.ts";
import { runAggregate } from "../../stream/kafka/aggregate.ts";
import { runFlows } from "../../stream/kafka/flows.ts";
import { runGate } from "../../stream/kafka/gate.ts";
import { type Rewound, rewind } from "../../stream/kafka/rewind.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { grow as growByTen } from "./blocks.ts";
import type { MemoryCluster } from "./memory-broker.ts";
import { type Ending, rawRecord, runToRest, stageContext, TOPICS } from "./stage-bed.ts";

/** A story of a chain that halts and is rewound, told in memory: its hours have some ten blocks. */

export const POLICY = { kind: "confirmations", confirmations: 3 } as const;
/** The rules of the story's hours, as a rewind is told them. */
export const HOURS = { lagS: 0, begin: (first: FirstBlock) => beginAggregation(first, 0) };

const SPACING_S = 370;

/** As `grow` of other stories, `spacingS` seconds apart. */
export function grow(
  parent: BlockHeader,
  count: number,
  branch: string,
  spacingS = SPACING_S,
): readonly BlockHeader[] {
  return growByTen(parent, count, branch).map((block, at) => ({
    ...block,
    time: parent.time + (at + 1) * spacingS,
  }));
}

/** What flows in a block of the story: its hash says it. */
function flowsOf(block: Pick<BlockHeader, "height" | "hash" | "time">): BlockFlows {
  const exchange = ["alpha", "beta", "gamma"][block.height % 3] ?? "alpha";
  const amount = BigInt(block.height * 1000 + block.hash.charCodeAt(0));
  const leg = { leg: 0, txHash: `t${block.hash}` as TxHash, asset: "ETH", kind: "native" } as const;
  const sides = { fromExchange: null, toExchange: exchange, fromAddress: null, toAddress: null };
  const legs =
    block.height % 4 === 0
      ? []
      : [{ ...leg, ...sides, flowType: "inflow", amount, evidence: "block" } as const];
  const { height, hash, time } = block;
  return { height, hash, time, watermark: time, labelVersion: "v", legs, fees: [] };
}

const stages = {
  gate: { run: (context: StageContext) => runGate(context, POLICY), input: TOPICS.raw },
  flows: {
    run: (context: StageContext) =>
      runFlows(context, { rule: (block) => flowsOf(block), book: () => undefined as never }),
    input: TOPICS.final,
  },
  aggregate: { run: (context: StageContext) => runAggregate(context, 0), input: TOPICS.flows },
};

/** Runs stages one after the other, each until it has nothing left to read. */
export async function settle(
  cluster: MemoryCluster,
  ...names: readonly (keyof typeof stages)[]
): Promise<readonly Ending[]> {
  const endings: Ending[] = [];
  for (const name of names) endings.push(await runToRest(cluster, stages[name]));
  return endings;
}

/** Announces blocks on raw. */
export function announce(cluster: MemoryCluster, blocks: readonly BlockHeader[]): void {
  for (const block of blocks) cluster.append(rawRecord(block));
}

/** What a reader of exchange flows holds who knows nothing but keys, values and tombstones. */
export function table(cluster: MemoryCluster): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const { key, value } of cluster.records(TOPICS.exchangeFlows)) {
    if (key === WATERMARK_KEY) continue;
    if (value === null) rows.delete(key);
    else rows.set(key, Buffer.from(value).toString());
  }
  return new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The hours of `blocks`, by one pass over them. */
export function oracle(blocks: readonly BlockHeader[]): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  const [first] = blocks as [BlockHeader];
  let state = HOURS.begin({ firstHeight: first.height, firstTime: first.time });
  for (const [at, block] of blocks.entries()) {
    const outcome = addBlock(state, flowsOf(block), at);
    state = outcome.state;
    for (const row of outcome.changed) rows.set(hourlyKey(row), hourlyToJson(row));
  }
  return new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `sluice rewind` does to the topics. */
export function rewindTo(cluster: MemoryCluster, height: number): Promise<Rewound> {
  return rewind(stageContext(cluster.connect()), height, HOURS);
}
