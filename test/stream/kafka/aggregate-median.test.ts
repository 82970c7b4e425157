import fc from "fast-check";
import { expect, test } from "vitest";
import { addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import {
  flowsToJson,
  hourlyKey,
  hourlyToJson,
  markToJson,
  WATERMARK_KEY,
} from "../../../stream/flow/json.ts";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import { runAggregate } from "../../../stream/kafka/aggregate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { contentOf, runToRest, TOPICS } from "../../support/stage-bed.ts";
import { medianChains } from "../median-chains.ts";

const LAG_S = 7200;
const START = 1_700_000_000;
const GROUP = "aggregate-story";

const run = (context: StageContext) => runAggregate(context, LAG_S, "medianTimePast");

/** What one pass over the blocks writes, without Kafka and without stops. */
function expected(blocks: readonly BlockFlows[]) {
  const { height: firstHeight = 0, time: firstTime = 0 } = blocks[0] ?? {};
  let state = beginAggregation({ firstHeight, firstTime }, LAG_S, "medianTimePast");
  return blocks.flatMap((flows, offset) => {
    const outcome = addBlock(state, flows, offset);
    state = outcome.state;
    const rows = outcome.changed.map((row) => ({
      key: hourlyKey(row),
      value: hourlyToJson(row),
      headers: {},
    }));
    return [...rows, { key: WATERMARK_KEY, value: markToJson(outcome.mark), headers: {} }];
  });
}

const chains = medianChains(START, { firstHeights: [1, 500], longest: 40 });

test("aggregate by the median, killed anywhere, writes what a run without a stop does", {
  timeout: 300_000,
}, async () => {
  const stops = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(chains, stops, fc.boolean(), async (blocks, crashes, forgets) => {
      const cluster = new MemoryCluster();
      const feed = (some: readonly BlockFlows[]) => {
        for (const flows of some) {
          cluster.append({ topic: TOPICS.flows, key: flows.hash, value: Buffer.from(flowsToJson(flows)) });
        }
      };
      for (const [index, crashAt] of crashes.entries()) {
        feed(blocks.slice(index * 5, index * 5 + 5));
        await runToRest(cluster, { run, input: TOPICS.flows }, { crashAt });
      }
      feed(blocks.slice(crashes.length * 5));
      if (forgets) cluster.group(GROUP).offset = undefined;
      expect(await runToRest(cluster, { run, input: TOPICS.flows }, {})).toEqual({ kind: "rested" });
      expect(cluster.records(TOPICS.exchangeFlows).map(contentOf)).toEqual(expected(blocks));
    }),
    { numRuns: 300 },
  );
});
