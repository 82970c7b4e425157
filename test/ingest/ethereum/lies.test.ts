import { expect, test } from "vitest";
import { exitCodeOf } from "../../../runtime/exit.ts";
import { grow, simulateChain } from "../../chain/chain.ts";
import { LIES, type Lie } from "../../chain/lies.ts";
import { type SimulatedNode, startNode } from "../../chain/node.ts";
import { at, blocksOf } from "../../chain/walk.ts";
import { ethereumOptions, HASTY, rawHashes, startIngest } from "../../support/ingest-story.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { closedAfterwards } from "../../support/started-nodes.ts";

/** The proof that each lie fails; null: the node has nothing to be proven, which is an outage. */
const FAILS: Readonly<Record<Lie, string | null>> = {
  "missing log": "receipts",
  "extra log": "receipts",
  "altered log": "receipts",
  "altered amount": "receipts",
  "dropped receipt": "count",
  "doubled receipt": "count",
  "receipts of a fork": "count",
  "receipts of a fork, relabelled": "count",
  "wrong sender": "senders",
  "null block": null,
  "null receipts": "receipts",
  "null traces": "traces",
  "wrong parent": "header",
  "wrong hash": "header",
  "wrong height": "header",
  "swapped transactions": "transactions",
  "missing field": "header",
  "hashes for transactions": "transactions",
  "traces of another block": "traces",
};
/** What consensus bytes can't tell: they name no sender, and hold whole transactions. */
const ONLY_JSON: readonly Lie[] = ["wrong sender", "hashes for transactions"];
const told = [true, false].flatMap((raw) =>
  LIES.filter((lie) => !raw || !ONLY_JSON.includes(lie)).map((lie) => ({ raw, lie })),
);

/** Two traced bodies of different size: a fork's receipts are fewer or more. */
const trunk = grow(simulateChain({ bodies: ({ height }) => [16_899_757, 17_053_184].includes(height) }), 2);
const all = blocksOf(trunk).map((block) => block.hash);
const { height, hash } = at(trunk, 1001);
const policy = { kind: "confirmations", confirmations: 1 } as const;

const nodeAt = closedAfterwards(startNode);

/** What ingest of the whole trunk comes to with these nodes: its error, if any, and the blocks on raw. */
async function ingestFrom(nodes: readonly SimulatedNode[]) {
  const cluster = new MemoryCluster();
  const options = ethereumOptions(
    nodes.map((node) => node.url),
    { policy, traces: true },
  );
  const error: unknown = await startIngest(cluster, options, { until: 1002, limits: HASTY }).ended.catch(
    (cause: unknown) => cause,
  );
  return { error, hashes: rawHashes(cluster) };
}

test.each(told)(
  "$lie (raw: $raw): the next node's block is taken, and without one ingest stops",
  async ({ raw, lie }) => {
    const [liar, honest] = [await nodeAt(trunk, { raw }), await nodeAt(trunk, { raw })];
    liar.lie(lie, { height });
    expect(await ingestFrom([liar, honest])).toEqual({ error: undefined, hashes: all });
    const { error, hashes } = await ingestFrom([liar]);
    expect(hashes).toEqual(all.slice(0, 1));
    const node = `127.0.0.1:${liar.port}`;
    const proof = FAILS[lie];
    expect(exitCodeOf(error)).toBe(proof === null ? 4 : 5);
    expect(String(error)).toContain(
      proof === null
        ? `NodesUnreachable: no node has block ${height} ${hash} for 1.5 s (${node}: has it not)`
        : `ProofFailed: proof ${proof} of block ${height} ${hash} failed on node ${node}: `,
    );
  },
);
