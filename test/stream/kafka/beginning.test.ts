import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../../../runtime/exit.ts";
import type { BlockHeader } from "../../../stream/block.ts";
import { flowsToJson } from "../../../stream/flow/json.ts";
import type { FlowRule } from "../../../stream/flow/rule.ts";
import { runAggregate } from "../../../stream/kafka/aggregate.ts";
import type { OutgoingRecord } from "../../../stream/kafka/broker.ts";
import { runFlows } from "../../../stream/kafka/flows.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { grow, root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import {
  emptyBook,
  finalRecord,
  rawRecord,
  runToRest,
  stageContext,
  TOPICS,
} from "../../support/stage-bed.ts";

const first = root(100);
const chain = [first, ...grow(first, 5, "a")];

const NO_LABELS = emptyBook("none");
const silent: FlowRule = ({ height, hash, time }) => ({
  height,
  hash,
  time,
  watermark: time,
  labelVersion: "none",
  legs: [],
  fees: [],
});

function flowsRecord(header: BlockHeader): OutgoingRecord {
  const flows = silent({ ...header, proofs: new Set(), headers: {}, value: new Uint8Array() }, NO_LABELS);
  return { topic: TOPICS.flows, key: header.hash, value: Buffer.from(flowsToJson(flows)) };
}

/** A stage, its input, and how a block stands in there. */
interface Stage {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly recordOf: (block: BlockHeader) => OutgoingRecord;
  readonly run: (context: StageContext) => Promise<void>;
}

const STAGES: readonly Stage[] = [
  {
    name: "gate",
    input: TOPICS.raw,
    output: TOPICS.final,
    recordOf: rawRecord,
    run: (context) => runGate(context, { kind: "confirmations", confirmations: 3 }),
  },
  {
    name: "flows",
    input: TOPICS.final,
    output: TOPICS.flows,
    recordOf: finalRecord,
    run: (context) => runFlows(context, { rule: silent, book: () => NO_LABELS }),
  },
  {
    name: "aggregate",
    input: TOPICS.flows,
    output: TOPICS.exchangeFlows,
    recordOf: flowsRecord,
    run: (context) => runAggregate(context, 0),
  },
];

const REFUSED = { name: "UntilBelowBeginning", begins: 100 };

function clusterOf(stage: Stage, blocks: readonly BlockHeader[]): MemoryCluster {
  const cluster = new MemoryCluster();
  for (const block of blocks) cluster.append(stage.recordOf(block));
  return cluster;
}

describe.each(STAGES)("--until below where the chain begins: $name", (stage) => {
  test.each([99, 0])(
    "%i is bad usage, also beside a copy that works, and nothing is written",
    async (until) => {
      const cluster = clusterOf(stage, chain.slice(0, 2));
      const other = cluster.connect();
      const group = `${stage.name}-story`;
      const held = await other.claim({ group, topic: stage.input }, new AbortController().signal);
      const error = await stage.run(stageContext(cluster.connect(), { until })).catch((cause) => cause);
      await held.close();
      expect(error).toMatchObject({ ...REFUSED, until });
      expect(exitCodeOf(error)).toBe(2);
      expect(cluster.records(stage.output)).toEqual([]);
    },
  );

  test("is bad usage as soon as the first block comes", async () => {
    const cluster = new MemoryCluster();
    let told = false;
    const broker = cluster.connect((effect) => {
      if (told || effect.kind !== "read" || effect.topic !== stage.input) return;
      told = true;
      expect(effect.records).toBe(0);
      cluster.append(stage.recordOf(first));
    });
    await expect(stage.run(stageContext(broker, { until: 99 }))).rejects.toMatchObject(REFUSED);
    expect(cluster.records(stage.output)).toEqual([]);
  });

  test("is past where blocks above it stand", async () => {
    const cluster = clusterOf(stage, chain);
    await runToRest(cluster, stage);
    const written = cluster.records(stage.output).length;
    expect(written).toBeGreaterThan(0);
    expect(await runToRest(cluster, stage, { until: 99 })).toEqual({ kind: "rested" });
    expect(cluster.records(stage.output)).toHaveLength(written);
  });

  test("is not told from a topic whose oldest records expired", async () => {
    const cluster = clusterOf(stage, chain);
    cluster.truncate(stage.input, 2);
    expect(await runToRest(cluster, stage, { until: 99 })).toEqual({ kind: "rested" });
    expect(cluster.records(stage.output)).toEqual([]);
  });
});
