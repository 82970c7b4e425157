import { describe, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import { flowsFromJson } from "../../../stream/flow/json.ts";
import type { LabelBook } from "../../../stream/flow/labels.ts";
import type { FinalBlock, FlowRule } from "../../../stream/flow/rule.ts";
import { runFlows } from "../../../stream/kafka/flows.ts";
import type { StageContext, StageEvent } from "../../../stream/kafka/stage.ts";
import { grow, root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import {
  type BedOptions,
  Crash,
  emptyBook,
  finalRecord,
  runToRest,
  TOPICS,
} from "../../support/stage-bed.ts";

const genesis = root(10);
const chain = [genesis, ...grow(genesis, 9, "a")];

/** Nothing flows, but the record says by which labels. */
const rule: FlowRule = ({ height, hash, time }, { version }) => ({
  height,
  hash,
  time,
  watermark: time,
  labelVersion: version,
  legs: [],
  fees: [],
});

function feed(cluster: MemoryCluster, ...blocks: readonly BlockHeader[]): void {
  for (const block of blocks) cluster.append(finalRecord(block));
}

function flows(
  cluster: MemoryCluster,
  options: BedOptions & { crashAt?: number; rule?: FlowRule; book?: () => LabelBook } = {},
) {
  const deps = { rule: options.rule ?? rule, book: options.book ?? (() => emptyBook("one")) };
  const run = (context: StageContext) => runFlows(context, deps);
  return runToRest(cluster, { run, input: TOPICS.final }, options);
}

const written = (cluster: MemoryCluster) =>
  cluster.records(TOPICS.flows).map(({ key, value }) => {
    const { height, hash, labelVersion } = flowsFromJson(Buffer.from(value ?? []).toString("utf8"));
    return { key, height, hash, labelVersion };
  });
const wanted = (blocks: readonly BlockHeader[], labelVersion = "one") =>
  blocks.map(({ height, hash }) => ({ key: hash, height, hash, labelVersion }));

describe("flows", () => {
  test("one record a final block, also where nothing flowed, keyed by the block's hash", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain);
    expect(await flows(cluster)).toEqual({ kind: "rested" });
    expect(written(cluster)).toEqual(wanted(chain));
    expect(cluster.committed("flows-story")).toBe(19);
  });

  test("each block is told once it stands, and never again", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain);
    const events: StageEvent[] = [];
    const report = (event: StageEvent) => void events.push(event);
    await flows(cluster, { report });
    await flows(cluster, { report });
    expect(events).toEqual(chain.map(({ height }) => ({ kind: "written", stage: "flows", height })));
  });

  test("the rule sees bytes, proofs and all headers", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, genesis);
    const seen: FinalBlock[] = [];
    await flows(cluster, {
      rule: (block, labels) => {
        seen.push(block);
        return rule(block, labels);
      },
    });
    expect(seen).toEqual([
      {
        ...genesis,
        proofs: new Set(["header", "transactions"]),
        headers: finalRecord(genesis).headers,
        value: finalRecord(genesis).value,
      },
    ]);
  });

  test("changed labels apply from the next block on", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain.slice(0, 3));
    let asked = 0;
    const changing = () => {
      asked += 1;
      return emptyBook(asked <= 2 ? "one" : "two");
    };
    await flows(cluster, { book: changing });
    expect(written(cluster).map(({ labelVersion }) => labelVersion)).toEqual(["one", "one", "two"]);
  });

  test("--until stops after that height; past it, nothing happens", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain);
    for (const until of [13, 12]) {
      expect(await flows(cluster, { until })).toEqual({ kind: "rested" });
      expect(written(cluster)).toEqual(wanted(chain.slice(0, 4)));
    }
    await flows(cluster);
    expect(written(cluster)).toEqual(wanted(chain));
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("a crash at effect %i leaves each block once", async (crashAt) => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain.slice(0, 5));
    const ending = await flows(cluster, { crashAt });
    expect(ending.kind === "rested" || ending.error instanceof Crash).toBe(true);
    feed(cluster, ...chain.slice(5));
    expect(await flows(cluster)).toEqual({ kind: "rested" });
    expect(written(cluster)).toEqual(wanted(chain));
  });

  test("a lost group offset repeats nothing", async () => {
    const cluster = new MemoryCluster();
    feed(cluster, ...chain);
    await flows(cluster);
    cluster.group("flows-story").offset = undefined;
    expect(await flows(cluster)).toEqual({ kind: "rested" });
    expect(written(cluster)).toEqual(wanted(chain));
  });

  test("a missing block and a wrong parent stop it before anything is written", async () => {
    const missing = new MemoryCluster();
    feed(missing, genesis, chain[2] as BlockHeader);
    expect(await flows(missing)).toMatchObject({ kind: "failed", error: { name: "OrderBroken", offset: 2 } });
    expect(written(missing)).toEqual(wanted([genesis]));
    const forked = new MemoryCluster();
    feed(forked, genesis, chain[1] as BlockHeader, ...grow(grow(genesis, 1, "z")[0] as BlockHeader, 1, "z"));
    expect(await flows(forked)).toMatchObject({ kind: "failed", error: { name: "OrderBroken", offset: 4 } });
  });
});
