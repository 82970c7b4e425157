import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Aggregation, addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import type { BlockHash, TxHash } from "../../../stream/block.ts";
import {
  flowsToJson,
  hourlyKey,
  hourlyToJson,
  markToJson,
  WATERMARK_KEY,
} from "../../../stream/flow/json.ts";
import type { BlockFlows, Leg } from "../../../stream/flow/leg.ts";
import { runAggregate } from "../../../stream/kafka/aggregate.ts";
import type { StageContext, StageEvent } from "../../../stream/kafka/stage.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { type BedOptions, Crash, contentOf, runToRest, TOPICS } from "../../support/stage-bed.ts";

const START = 1_700_000_000;
const GROUP = "aggregate-story";

function inflow(exchange: string, amount: bigint): Leg {
  return {
    leg: 0,
    txHash: "t" as TxHash,
    asset: "ETH",
    kind: "native",
    flowType: "inflow",
    fromExchange: null,
    toExchange: exchange,
    fromAddress: null,
    toAddress: null,
    amount,
    evidence: "block",
  };
}

function block(
  height: number,
  time: number,
  legs: readonly Leg[],
  watermark: number | null = time,
): BlockFlows {
  return { height, hash: `h${height}` as BlockHash, time, watermark, labelVersion: "v", legs, fees: [] };
}

function feed(cluster: MemoryCluster, ...blocks: readonly BlockFlows[]): void {
  for (const flows of blocks) {
    cluster.append({ topic: TOPICS.flows, key: flows.hash, value: Buffer.from(flowsToJson(flows)) });
  }
}

function aggregate(cluster: MemoryCluster, options: BedOptions & { crashAt?: number; lagS?: number } = {}) {
  const run = (context: StageContext) => runAggregate(context, options.lagS ?? 0);
  return runToRest(cluster, { run, input: TOPICS.flows }, options);
}

const written = (cluster: MemoryCluster) => cluster.records(TOPICS.exchangeFlows).map(contentOf);

/** What one pass over the blocks writes, without Kafka and without stops. */
function expected(blocks: readonly BlockFlows[], lagS = 0) {
  const [first] = blocks;
  if (first === undefined) return [];
  let state: Aggregation = beginAggregation({ firstHeight: first.height, firstTime: first.time }, lagS);
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

describe("what aggregate writes", () => {
  test("after each block its changed rows, then its mark; a silent block leaves a mark too", async () => {
    const cluster = new MemoryCluster();
    const blocks = [
      block(0, START, [inflow("alpha", 5n)]),
      block(1, START + 12, []),
      block(2, START + 3600, [inflow("alpha", 1n)]),
    ];
    feed(cluster, ...blocks);
    expect(await aggregate(cluster)).toEqual({ kind: "rested" });
    expect(written(cluster)).toEqual(expected(blocks));
    expect(written(cluster).map(({ key }) => key)).toEqual([
      "alpha|ETH|2023-11-14T22:00:00Z",
      "watermark",
      "watermark",
      "alpha|ETH|2023-11-14T23:00:00Z",
      "alpha|ETH|2023-11-14T22:00:00Z",
      "watermark",
    ]);
    expect(written(cluster).at(-1)?.value).toBe(
      '{"height":2,"hash":"h2","time":1700003600,"watermark":1700003600,"first_height":0,"first_time":1700000000,"open_from":2}',
    );
  });

  test("each block is told once its mark stands, and never again, although hours are replayed", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, block(0, START, [inflow("alpha", 5n)]), block(1, START + 12, []));
    const events: StageEvent[] = [];
    const report = (event: StageEvent) => void events.push(event);
    await aggregate(cluster, { report });
    await aggregate(cluster, { report });
    expect(events).toEqual([0, 1].map((height) => ({ kind: "written", stage: "aggregate", height })));
  });

  test("holds the first record of the oldest open hour", async () => {
    const cluster = new MemoryCluster();
    const blocks = [0, 12, 3600, 3612].map((after, index) =>
      block(index, START + after, [inflow("alpha", 1n)]),
    );
    feed(cluster, ...blocks);
    await aggregate(cluster);
    // A marker follows each record: the first one of the second hour stands at 4.
    expect(cluster.committed(GROUP)).toBe(4);
  });

  test("goes on from the last mark where compaction took all older ones", async () => {
    const cluster = new MemoryCluster();
    const blocks = Array.from({ length: 12 }, (_, index) =>
      block(5 + index, START + index * 900, [inflow(index % 2 === 0 ? "alpha" : "beta", BigInt(index + 1))]),
    );
    feed(cluster, ...blocks.slice(0, 8));
    await aggregate(cluster);
    const before = written(cluster).length;
    cluster.compact(TOPICS.exchangeFlows);
    const kept = written(cluster);
    feed(cluster, ...blocks.slice(8));
    await aggregate(cluster);
    expect(written(cluster)).toEqual([...kept, ...expected(blocks).slice(before)]);
  });

  test("--until stops after the block's mark; a later run goes on", async () => {
    const cluster = new MemoryCluster();
    const blocks = [0, 1, 2, 3].map((index) => block(index, START + index * 1800, [inflow("alpha", 1n)]));
    feed(cluster, ...blocks);
    await aggregate(cluster, { until: 1 });
    expect(written(cluster)).toEqual(expected(blocks.slice(0, 2)));
    await aggregate(cluster, { until: 1 });
    expect(written(cluster)).toEqual(expected(blocks.slice(0, 2)));
    expect(await aggregate(cluster)).toEqual({ kind: "rested" });
    expect(written(cluster)).toEqual(expected(blocks));
  });

  test("refuses flows that skip a block, and keeps what came before", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, block(4, START, []), block(6, START + 24, []));
    const ending = await aggregate(cluster);
    expect(ending).toMatchObject({
      kind: "failed",
      error: { name: "OrderBroken", topic: TOPICS.flows, offset: 2 },
    });
    expect(written(cluster)).toEqual(expected([block(4, START, [])]));
  });

  test("refuses a topic that does not end with a mark", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, block(4, START, []));
    cluster.append({ topic: TOPICS.exchangeFlows, key: "alpha|ETH|hour", value: Buffer.from("{}") });
    expect(await aggregate(cluster)).toMatchObject({ kind: "failed", error: { name: "RecordInvalid" } });
  });
});

describe("aggregate, killed anywhere", () => {
  const chain = fc.record({
    steps: fc.array(
      fc.record({
        seconds: fc.integer({ min: -1500, max: 4000 }),
        legs: fc.array(fc.tuple(fc.constantFrom("alpha", "beta"), fc.bigInt({ min: 1n, max: 9n })), {
          maxLength: 2,
        }),
      }),
      { minLength: 1, maxLength: 20 },
    ),
    start: fc.constantFrom(0, 500),
    median: fc.boolean(),
  });

  /** Blocks as Ethereum has them (times rise), or as Bitcoin does (above the median of eleven). */
  function blocksOf({
    steps,
    start,
    median,
  }: {
    readonly steps: readonly { seconds: number; legs: [string, bigint][] }[];
    readonly start: number;
    readonly median: boolean;
  }) {
    const times: number[] = [];
    return steps.map(({ seconds, legs }, index) => {
      const floor = median ? medianOf(times.slice(-11)) : (times.at(-1) ?? START);
      const time = Math.max(floor + 1, (times.at(-1) ?? START) + seconds);
      times.push(time);
      const watermark = median ? medianOf(times.slice(-11)) : time;
      return block(
        start + index,
        time,
        legs.map(([exchange, amount]) => inflow(exchange, amount)),
        watermark,
      );
    });
  }

  test("every record is that of a run without a stop", { timeout: 300_000 }, async () => {
    const crashes = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(chain, crashes, fc.boolean(), async (story, stops, forgets) => {
        const cluster = new MemoryCluster();
        const blocks = blocksOf(story);
        const lagS = story.median ? 7200 : 0;
        for (const [index, crashAt] of stops.entries()) {
          feed(cluster, ...blocks.slice(index * 3, index * 3 + 3));
          const ending = await aggregate(cluster, { crashAt, lagS });
          expect(ending.kind === "rested" || ending.error instanceof Crash).toBe(true);
        }
        feed(cluster, ...blocks.slice(stops.length * 3));
        if (forgets) cluster.group(GROUP).offset = undefined;
        expect(await aggregate(cluster, { lagS })).toEqual({ kind: "rested" });
        expect(written(cluster)).toEqual(expected(blocks, lagS));
      }),
      { numRuns: 400 },
    );
  });
});

function medianOf(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? START;
}
