import fc from "fast-check";
import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { ETHEREUM_PROOFS, type EthereumProof } from "../../../ingest/ethereum/prover.ts";
import { alter, alterations } from "./alteration.ts";
import { address, type Json } from "./synthetic.ts";
import { makeBlock, type Synthetic, sixTransactions, taskOf } from "./synthetic-block.ts";

const transactions = sixTransactions();
const blocks = {
  frontier: makeBlock({ fork: "frontier", transactions, ommers: 2 }),
  prague: makeBlock({ fork: "prague", transactions }),
};

/**
 * The block's JSON, proven without `waive`: nobody asks for ommers that are waived, and consensus bytes that are refused are asked
 * for once more as JSON.
 */
function proved(made: Synthetic, waive: readonly EthereumProof[]) {
  const answer = waive.includes("ommers") ? { ...made, ommers: [] } : made;
  return proveBody(taskOf(answer, "json", { waive }));
}

function expectExact(made: Synthetic, waive: readonly EthereumProof[] = []): string | undefined {
  const outcome = proved(made, waive);
  if (outcome.kind !== "refused") return undefined;
  const { proof, reason, waivable } = outcome;
  const again = proved(made, [...waive, proof]);
  expect(again.kind === "refused" && again.reason === reason, `${proof}: ${reason}`).toBe(!waivable);
  return `${proof} ${waivable}`;
}

test("a refusal is said to be waivable just where waiving the proof takes it away", () => {
  const seen = new Set<string | undefined>();
  const property = fc.property(
    fc.constantFrom("frontier" as const, "prague" as const),
    alterations,
    fc.subarray([...ETHEREUM_PROOFS]),
    (fork, { place, how }, waive) => {
      const made = blocks[fork];
      const { block, receipts, traces, ommers } = made;
      const altered = alter({ block, receipts, traces, ommers }, place, how);
      if (altered !== undefined) seen.add(expectExact({ ...made, ...altered.value }, waive));
    },
  );
  fc.assert(property, { numRuns: 1_500 });
  const often = ["header false", "header true", "receipts false", "receipts true", "transactions false"];
  expect([...seen]).toEqual(expect.arrayContaining([...often, "transactions true"]));
});

/** A lie about the block of Prague, and what is said of it. */
const RARE: readonly (readonly [string, string, (made: Json) => unknown])[] = [
  ["a missing header field", "header false", (made) => delete made.block.mixHash],
  ["another state root", "header true", (made) => (made.block.stateRoot = made.block.hash)],
  ["a missing field of a transaction", "transactions false", (made) => delete made.block.transactions[2].r],
  ["swapped transactions", "transactions true", (made) => made.block.transactions.reverse()],
  ["null receipts", "receipts false", (made) => (made.receipts = null)],
  ["a dropped receipt", "count true", (made) => made.receipts.pop()],
  ["withdrawals missing", "withdrawals true", (made) => delete made.block.withdrawals],
  ["withdrawals that are no list", "withdrawals false", (made) => (made.block.withdrawals = "0x")],
  ["a withdrawal's field missing", "withdrawals false", (made) => delete made.block.withdrawals[0].amount],
  ["a withdrawal less", "withdrawals true", (made) => made.block.withdrawals.pop()],
  ["no list of ommers", "ommers true", (made) => delete made.block.uncles],
  ["three ommers", "ommers true", (made) => (made.block.uncles = ["0x1", "0x2", "0x3"])],
  ["a log without its index", "logs true", (made) => delete made.receipts[4].logs[2].logIndex],
  ["a log that was removed", "logs true", (made) => (made.receipts[4].logs[2].removed = true)],
  ["a wrong sender", "senders true", (made) => (made.block.transactions[1].from = address(1))],
  ["a missing sender", "senders false", (made) => delete made.block.transactions[1].from],
  ["null traces", "traces false", (made) => (made.traces = null)],
  ["a dropped trace", "traces false", (made) => made.traces.pop()],
  ["swapped traces", "traces true", (made) => made.traces.reverse()],
  ["a root frame without sender", "traces true", (made) => delete made.traces[0].result.from],
  ["a frame of no known type", "traces false", (made) => (made.traces[2].result.calls[0].type = "LEAP")],
];

test.each(RARE)("%s: %s", (_lie, told, lie) => {
  const made = structuredClone(blocks.prague);
  lie(made);
  expect(expectExact(made)).toBe(told);
});

test("withdrawals below a header without their root are no block, whatever is waived", () => {
  const made = makeBlock({ fork: "london", transactions });
  const block = { ...made.block, withdrawals: [] };
  expect(expectExact({ ...made, block })).toBe("withdrawals false");
});
