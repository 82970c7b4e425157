import fc from "fast-check";
import { expect, test } from "vitest";
import type { FinalityPolicy } from "../../../stream/finality.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { grow, root } from "../../support/blocks.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { rawRecord, runToRest, TOPICS } from "../../support/stage-bed.ts";

const genesis = root(100);
const chain = [genesis, ...grow(genesis, 29, "a")];

const confirmations = (count: number): FinalityPolicy => ({ kind: "confirmations", confirmations: count });

function gate(cluster: MemoryCluster, policy: FinalityPolicy) {
  return runToRest(cluster, {
    run: (context: StageContext) => runGate(context, policy),
    input: TOPICS.raw,
  });
}

/** How many of the first `seen` blocks of the chain each policy has released. */
const released = (seen: number, count: number) => Math.max(0, seen - count + 1);

test("a policy that was changed holds from the next block on: nothing comes twice, nothing is taken back", async () => {
  const phase = fc.record({ blocks: fc.integer({ min: 1, max: 9 }), count: fc.integer({ min: 1, max: 8 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(phase, { minLength: 2, maxLength: 3 }), async (phases) => {
      const cluster = new MemoryCluster();
      let seen = 0;
      let final = 0;
      for (const { blocks, count } of phases) {
        for (const block of chain.slice(seen, seen + blocks)) cluster.append(rawRecord(block));
        seen += blocks;
        final = Math.max(final, released(seen, count));
        expect(await gate(cluster, confirmations(count))).toEqual({ kind: "rested" });
        const hashes = cluster.records(TOPICS.final).map(({ key }) => key);
        expect(hashes).toEqual(chain.slice(0, final).map(({ hash }) => hash));
      }
    }),
    { numRuns: 300 },
  );
});
