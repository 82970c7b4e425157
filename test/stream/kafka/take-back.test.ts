import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Aggregation,
  addBlock,
  beginAggregation,
  type WatermarkRule,
} from "../../../stream/aggregation.ts";
import type { BlockHash, TxHash } from "../../../stream/block.ts";
import { flowsToJson, hourlyKey } from "../../../stream/flow/json.ts";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import { replayTo } from "../../../stream/kafka/take-back.ts";
import { medianTimePast } from "../../../stream/median-time.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { TOPICS } from "../../support/stage-bed.ts";

const FIRST = 1000;
const START = 1_700_000_000;

function flowsAt(height: number, time: number, stated: boolean): BlockFlows {
  const leg = {
    leg: 0,
    txHash: `t${height}` as TxHash,
    asset: "BTC",
    kind: "utxo",
    flowType: "inflow",
  } as const;
  const sides = { fromExchange: null, toExchange: `e${height % 2}`, fromAddress: null, toAddress: null };
  const legs = [{ ...leg, ...sides, amount: BigInt(height), evidence: "prevout" } as const];
  const hash = `h${height}` as BlockHash;
  return { height, hash, time, watermark: stated ? time : null, labelVersion: "v", legs, fees: [] };
}

/** A chain whose blocks carry times up to two hours beside the true ones, each above the median of the eleven before. */
function bitcoin(skews: readonly number[]): readonly BlockFlows[] {
  const times: number[] = [];
  for (const [at, skew] of skews.entries()) {
    const recent = times.slice(-11).map((time, index) => ({ height: index, time, offset: 0 }));
    const floor = recent.length === 11 ? (medianTimePast(recent, 0) ?? 0) + 1 : 0;
    times.push(Math.max(floor, START + at * 40 + skew));
  }
  return times.map((time, at) => flowsAt(FIRST + at, time, false));
}

/** The state after `blocks`, by one pass from the beginning, at the offsets that the topic gave them. */
function passOver(blocks: readonly BlockFlows[], begin: () => Aggregation) {
  let state = begin();
  const changed = new Set<string>();
  const add = (flows: BlockFlows, at: number) => {
    const outcome = addBlock(state, flows, 2 * at);
    state = outcome.state;
    return outcome;
  };
  return { add, changed, state: () => state, through: blocks.map(add) };
}

async function checkReplay(
  blocks: readonly BlockFlows[],
  target: number,
  rule: { lagS: number; watermark: WatermarkRule },
) {
  const cluster = new MemoryCluster();
  for (const flows of blocks)
    cluster.append({ topic: TOPICS.flows, key: flows.hash, value: Buffer.from(flowsToJson(flows)) });
  const [first] = blocks as [BlockFlows];
  const begin = () =>
    beginAggregation({ firstHeight: first.height, firstTime: first.time }, rule.lagS, rule.watermark);
  const replay = await replayTo(cluster.connect(), {
    topic: TOPICS.flows,
    before: 2 * blocks.length,
    block: blocks[target] as BlockFlows,
    lagS: rule.lagS,
    begin,
  });
  const pass = passOver(blocks.slice(0, target + 1), begin);
  const state = pass.state();
  expect(replay.state.hours).toEqual(state.hours);
  expect(replay.mark).toEqual(pass.through.at(-1)?.mark);
  const changed = new Set<string>();
  for (const [at, flows] of blocks.entries())
    if (at > target) for (const row of pass.add(flows, at).changed) changed.add(hourlyKey(row));
  expect(new Set([...replay.restated.map(hourlyKey), ...replay.gone])).toEqual(changed);
}

describe("going back over hours", () => {
  test("reads far enough for an hour of more blocks than a first look holds", async () => {
    const blocks = Array.from({ length: 900 }, (_, at) => flowsAt(FIRST + at, START + 7 * at, true));
    for (const target of [0, 1, 200, 640, 898])
      await checkReplay(blocks, target, { lagS: 0, watermark: "stated" });
  });

  test("comes to the state of one pass from the beginning where times go back and forth, as Bitcoin's do", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -3500, max: 3500 }), { minLength: 700, maxLength: 900 }),
        fc.nat(600),
        (skews, back) =>
          checkReplay(bitcoin(skews), skews.length - 1 - back, { lagS: 7200, watermark: "medianTimePast" }),
      ),
      { numRuns: 15 },
    );
  });
});
