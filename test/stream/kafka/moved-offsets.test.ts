import { describe, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import type { FlowRule } from "../../../stream/flow/rule.ts";
import { runAggregate } from "../../../stream/kafka/aggregate.ts";
import { OffsetOutOfRange, TopicEmptied } from "../../../stream/kafka/errors.ts";
import { runFlows } from "../../../stream/kafka/flows.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { grow, root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { contentOf, type Ending, emptyBook, rawRecord, runToRest, TOPICS } from "../../support/stage-bed.ts";

const CONFIRMATIONS = 3;
const genesis = root(100);
const early = [genesis, ...grow(genesis, 9, "a")];
const late = grow(early.at(-1) as BlockHeader, 5, "a");

const book = emptyBook("one");

/** Each block brings one exchange its own height, so that an hour that lacks a block shows. */
const rule: FlowRule = ({ height, hash, time }) => ({
  height,
  hash,
  time,
  watermark: time,
  labelVersion: "one",
  legs: [],
  fees: [{ exchange: "alpha", asset: "ETH", amount: BigInt(height) }],
});

const STAGES = [
  {
    name: "gate",
    input: TOPICS.raw,
    output: TOPICS.final,
    run: (context: StageContext) => runGate(context, { kind: "confirmations", confirmations: CONFIRMATIONS }),
  },
  {
    name: "flows",
    input: TOPICS.final,
    output: TOPICS.flows,
    run: (context: StageContext) => runFlows(context, { rule, book: () => book }),
  },
  {
    name: "aggregate",
    input: TOPICS.flows,
    output: TOPICS.exchangeFlows,
    run: (context: StageContext) => runAggregate(context, 0),
  },
] as const;

type Stage = (typeof STAGES)[number];

/** Raw holds a first part of the chain, and the stages up to `stage` have worked on it; then the rest comes. */
async function story(stage: Stage): Promise<MemoryCluster> {
  const cluster = new MemoryCluster();
  for (const part of [early, late]) {
    for (const block of part) cluster.append(rawRecord(block));
    for (const one of STAGES) {
      if (part === late && one === stage) break;
      await runToRest(cluster, one);
    }
  }
  return cluster;
}

const written = (cluster: MemoryCluster, stage: Stage) => cluster.records(stage.output).map(contentOf);

async function undisturbed(stage: Stage): Promise<readonly unknown[]> {
  const cluster = await story(stage);
  await runToRest(cluster, stage);
  return written(cluster, stage);
}

/** Runs the stage after somebody has put its group's offset to `offset`. */
async function afterMove(cluster: MemoryCluster, stage: Stage, offset: number | undefined): Promise<Ending> {
  cluster.group(`${stage.name}-story`).offset = offset;
  return runToRest(cluster, stage);
}

describe.each(STAGES)("$name, whose committed offset somebody moved", (stage) => {
  test("back, or away: goes on, and writes nothing twice", async () => {
    const wanted = await undisturbed(stage);
    const hold = (await story(stage)).committed(`${stage.name}-story`) ?? 0;
    for (const offset of [undefined, ...Array.from({ length: hold + 1 }, (_, back) => back)]) {
      const cluster = await story(stage);
      expect(await afterMove(cluster, stage, offset)).toEqual({ kind: "rested" });
      expect(written(cluster, stage), `moved to ${offset}`).toEqual(wanted);
    }
  });

  test("ahead: stops before it writes anything, and says how to mend it", async () => {
    const { [stage.name]: remedy } = {
      gate: /sluice rewind story/,
      flows: /--to-earliest/,
      aggregate: /--to-earliest/,
    };
    const beyond = await neededOffsets(stage);
    for (const offset of beyond.slice(1)) {
      const cluster = await story(stage);
      const before = written(cluster, stage);
      const ending = await afterMove(cluster, stage, offset);
      expect(ending, `moved to ${offset}`).toMatchObject({ kind: "failed", error: { name: "OffsetMoved" } });
      expect((ending as { error: Error }).error.message).toMatch(remedy);
      expect(written(cluster, stage)).toEqual(before);
    }
  });

  test("and whose input lost what it still needs: stops before it writes anything", async () => {
    const [, second = 0] = await neededOffsets(stage);
    const cluster = await story(stage);
    const before = written(cluster, stage);
    const committed = cluster.committed(`${stage.name}-story`) ?? 0;
    cluster.truncate(stage.input, second);
    const ending = await runToRest(cluster, stage);
    expect(ending).toEqual({ kind: "failed", error: new OffsetOutOfRange(stage.input, committed) });
    expect(written(cluster, stage)).toEqual(before);
  });
});

describe("gate, whose raw topic somebody deleted", () => {
  const [gate] = STAGES;

  test("stops, whether the new one is empty or too short for the last reorg", async () => {
    const [fork] = grow(early.at(-2) as BlockHeader, 1, "b");
    const whole = new MemoryCluster();
    for (const block of [...early, fork as BlockHeader]) whole.append(rawRecord(block));
    await runToRest(whole, gate);
    for (const blocks of [[], early.slice(0, 2)]) {
      const cluster = new MemoryCluster();
      for (const topic of [TOPICS.final, TOPICS.reorgs]) cluster.append(...whole.records(topic));
      for (const block of blocks) cluster.append(rawRecord(block));
      const ending = await runToRest(cluster, gate);
      const error =
        blocks.length === 0
          ? new TopicEmptied(TOPICS.raw)
          : new OffsetOutOfRange(TOPICS.raw, 2 * early.length);
      expect(ending).toEqual({ kind: "failed", error });
    }
  });

  test("stops, also where the new one goes on with the blocks of the head", async () => {
    const whole = new MemoryCluster();
    for (const block of early) whole.append(rawRecord(block));
    await runToRest(whole, gate);
    const longer = [...late, ...grow(late.at(-1) as BlockHeader, 9, "a")];
    // The newest final block was announced at offset 14.
    for (const [blocks, error] of [
      [late, { name: "OffsetOutOfRange", offset: 14 }],
      [longer, { name: "OrderBroken", offset: 16 }],
    ] as const) {
      const cluster = new MemoryCluster();
      cluster.append(...whole.records(TOPICS.final));
      for (const block of blocks) cluster.append(rawRecord(block));
      const ending = await runToRest(cluster, gate);
      expect(ending).toMatchObject({ kind: "failed", error: { ...error, topic: TOPICS.raw } });
      expect(cluster.records(TOPICS.final)).toHaveLength(whole.records(TOPICS.final).length);
    }
  });
});

describe.each(STAGES)("$name, whose output somebody deleted", (stage) => {
  test("stops, and writes nothing into the new one", async () => {
    const cluster = await story(stage);
    const last = cluster.records(stage.output).at(-1)?.offset ?? 0;
    cluster.truncate(stage.output, last + 1);
    const ending = await runToRest(cluster, stage);
    expect(ending).toEqual({ kind: "failed", error: new TopicEmptied(stage.output) });
    expect(cluster.records(stage.output)).toEqual([]);
  });

  test("before it had written anything: goes on", async () => {
    const cluster = new MemoryCluster();
    for (const part of [[], [genesis], early.slice(1), late]) {
      for (const block of part) cluster.append(rawRecord(block));
      for (const one of STAGES) expect(await runToRest(cluster, one)).toEqual({ kind: "rested" });
    }
    expect(written(cluster, stage)).toEqual(await undisturbed(stage));
  });
});

/** Where the records stand that the stage still has to read. */
async function neededOffsets(stage: Stage): Promise<readonly number[]> {
  const cluster = await story(stage);
  const committed = cluster.committed(`${stage.name}-story`) ?? 0;
  return cluster.records(stage.input).flatMap(({ offset }) => (offset < committed ? [] : [offset]));
}

describe("a stage that is told to end below what its input begins with", () => {
  test.each(STAGES.filter(({ name }) => name !== "gate"))(
    "$name leaves it for a later run",
    async (stage) => {
      const wanted = await undisturbed(stage);
      const cluster = await story(stage);
      const fresh = new MemoryCluster();
      fresh.append(...cluster.records(stage.input));
      await runToRest(fresh, stage, { until: genesis.height - 1 });
      expect(await runToRest(fresh, stage)).toEqual({ kind: "rested" });
      expect(written(fresh, stage)).toEqual(wanted);
    },
  );
});
