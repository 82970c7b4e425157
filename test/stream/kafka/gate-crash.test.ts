import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockHash, BlockHeader, BlockRef } from "../../../stream/block.ts";
import {
  advance,
  EMPTY_GATE,
  type FinalityPolicy,
  type Reorg,
  type UnfinalizedBlock,
} from "../../../stream/finality.ts";
import { reorgToJson } from "../../../stream/flow/json.ts";
import { announcementOf } from "../../../stream/kafka/block-record.ts";
import type { OutgoingRecord } from "../../../stream/kafka/broker.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { Crash, contentOf, finalRecord, rawRecord, runToRest, TOPICS } from "../../support/stage-bed.ts";

/** What the node does next: its chain grows, or `depth` blocks of it are replaced, or it says its head again. */
interface Turn {
  readonly depth: number;
  readonly grow: number;
  /** How far behind its head the node's finalized block is. */
  readonly lag: number;
}

const turn = fc.record({
  depth: fc.integer({ min: 0, max: 4 }),
  grow: fc.integer({ min: 0, max: 4 }),
  lag: fc.integer({ min: 0, max: 5 }),
});

const policy: fc.Arbitrary<FinalityPolicy> = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map((confirmations) => ({ kind: "confirmations" as const, confirmations })),
  fc.constant({ kind: "tag" as const, tag: "finalized" as const }),
);

/** What ingest announces of it: parents first, from the common ancestor on; the head once more where nothing grew. */
function announcements(turns: readonly Turn[]): readonly OutgoingRecord[] {
  const chain: BlockHeader[] = [root()];
  const records = [rawRecord(root())];
  for (const [number, { depth, grow, lag }] of turns.entries()) {
    const kept = Math.max(1, chain.length - depth);
    const fresh = chain.splice(kept).length + grow;
    for (let index = 0; index < fresh; index += 1) chain.push(child(chain.at(-1) as BlockHeader, number));
    const finalized: BlockRef = chain[Math.max(0, chain.length - 1 - lag)] as BlockHeader;
    const announced = fresh === 0 ? chain.slice(-1) : chain.slice(kept);
    records.push(...announced.map((block) => rawRecord(block, finalized)));
  }
  return records;
}

function child(parent: BlockHeader, branch: number): BlockHeader {
  const height = parent.height + 1;
  return { height, hash: `${height}@${branch}` as BlockHash, parent: parent.hash, time: parent.time + 10 };
}

/** What one pass over raw yields, without Kafka and without stops. */
function expected(cluster: MemoryCluster, finality: FinalityPolicy) {
  let state = EMPTY_GATE;
  const final: UnfinalizedBlock[] = [];
  const reorgs: Reorg[] = [];
  for (const record of cluster.records(TOPICS.raw)) {
    const step = advance(state, announcementOf(record), finality);
    if (step.kind === "violation" || step.kind === "gap") return { final, reorgs, halted: true };
    state = step.state;
    final.push(...step.released);
    if (step.kind === "advanced" && step.reorg !== undefined) reorgs.push(step.reorg);
  }
  return { final, reorgs, halted: false };
}

/** Raw in transactions of one to three records, so that holes stand in all sorts of places. */
function writeRaw(cluster: MemoryCluster, records: readonly OutgoingRecord[], batch: number): void {
  for (let index = 0; index < records.length; index += batch) {
    cluster.append(...records.slice(index, index + batch));
  }
}

describe("the gate, killed anywhere", () => {
  test("final and reorgs are those of a run without a stop", { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          turns: fc.array(turn, { minLength: 1, maxLength: 12 }),
          later: fc.array(turn, { maxLength: 6 }),
          policy,
          batch: fc.integer({ min: 1, max: 3 }),
          crashes: fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 8 }),
          put: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
          forgets: fc.boolean(),
        }),
        async ({ turns, later, policy: finality, batch, crashes, put, forgets }) => {
          const cluster = new MemoryCluster();
          const stage = { run: (context: StageContext) => runGate(context, finality), input: TOPICS.raw };
          const all = announcements([...turns, ...later]);
          const now = announcements(turns).length;
          writeRaw(cluster, all.slice(0, now), batch);
          for (const crashAt of crashes) {
            const ending = await runToRest(cluster, stage, { crashAt });
            const died = ending.kind === "failed" && ending.error instanceof Crash;
            expect(died || ending.kind === "rested" || expected(cluster, finality).halted).toBe(true);
          }
          writeRaw(cluster, all.slice(now), batch);
          const group = cluster.group("gate-story");
          const end = cluster.records(TOPICS.final).at(-1)?.headers["raw-next"];
          if (put !== undefined && end !== undefined) group.offset = Math.floor(put * Number(end));
          if (forgets) group.offset = undefined;
          const wanted = expected(cluster, finality);
          const ending = await runToRest(cluster, stage);
          expect(ending.kind).toBe(wanted.halted ? "failed" : "rested");
          expect(cluster.records(TOPICS.final).map(contentOf)).toEqual(
            wanted.final.map(finalRecord).map(contentOf),
          );
          expect(cluster.records(TOPICS.reorgs).map((record) => contentOf(record).value)).toEqual(
            wanted.reorgs.map(reorgToJson),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
