import fc from "fast-check";
import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import type { EthereumProof, ProveOutcome } from "../../../ingest/ethereum/prover.ts";
import { alter, alterations } from "./alteration.ts";
import { hex } from "./synthetic.ts";
import { type Fork, makeBlock, type Synthetic, sixTransactions, taskOf } from "./synthetic-block.ts";

/** What may come of an altered answer: never another value. */
function told(outcome: ProveOutcome): string {
  return outcome.kind === "proven" ? hex(outcome.value) : outcome.kind;
}

const HARMLESS = ["refused", "missing", "ommers"];
const FORKS: readonly Fork[] = ["frontier", "london", "prague", "amsterdam"];

const blocks = new Map<Fork, Synthetic>(
  FORKS.map((fork) => [
    fork,
    makeBlock({ fork, transactions: sixTransactions(), ommers: fork === "frontier" ? 1 : 0 }),
  ]),
);

test.each(FORKS)("whatever is altered in a %s block's JSON, it is refused or the same value", (fork) => {
  const made = blocks.get(fork)!;
  const honest = told(proveBody(taskOf(made, "json")));
  const { block, receipts, ommers } = made;
  let refused = 0;
  fc.assert(
    fc.property(alterations, ({ place, how }) => {
      const lie = alter({ block, receipts, ommers }, place, how);
      if (lie === undefined) return;
      const outcome = told(proveBody(taskOf({ ...made, ...lie.value }, "json")));
      expect([honest, ...HARMLESS], lie.told).toContain(outcome);
      if (outcome === "refused") refused += 1;
    }),
    { numRuns: 500 },
  );
  expect(refused).toBeGreaterThan(250);
});

test.each([true, false])(
  "whatever is altered in raw bytes, it is refused or the same value (traces: %s)",
  (traces) => {
    const made = blocks.get("prague")!;
    const honest = told(proveBody(taskOf(made, "raw", { traces })));
    const { rawBlock, rawReceipts } = made;
    fc.assert(
      fc.property(alterations, ({ place, how }) => {
        const lie = alter({ rawBlock, rawReceipts }, place, how);
        if (lie === undefined) return;
        const outcome = told(proveBody(taskOf({ ...made, ...lie.value }, "raw", { traces })));
        expect([honest, ...HARMLESS], lie.told).toContain(outcome);
      }),
      { numRuns: 500 },
    );
  },
);

/** The fields of transactions and receipts that consensus data has, each with the proof that misses it. */
const OWN: readonly (readonly ["transactions" | "receipts", readonly string[], EthereumProof])[] = [
  [
    "transactions",
    [
      "nonce",
      "gas",
      "value",
      "input",
      "maxFeePerGas",
      "maxPriorityFeePerGas",
      "chainId",
      "accessList",
      "r",
      "s",
    ],
    "transactions",
  ],
  ["receipts", ["status", "cumulativeGasUsed", "logsBloom", "logs"], "receipts"],
];

test("a consensus field that is missing is charged to the proof it belongs to", () => {
  for (const [list, names, proof] of OWN) {
    for (const name of names) {
      const made = structuredClone(blocks.get("prague")!);
      const items = list === "transactions" ? made.block.transactions : made.receipts;
      delete items[3][name];
      expect(proveBody(taskOf(made, "json")), name).toMatchObject({ kind: "refused", proof });
    }
  }
});

test("every header field that is missing is charged to the header", () => {
  const beside = ["hash", "size", "uncles", "transactions", "withdrawals"];
  const names = Object.keys(blocks.get("amsterdam")!.block).filter((name) => !beside.includes(name));
  expect(names.length).toBe(23);
  for (const name of names) {
    const made = structuredClone(blocks.get("amsterdam")!);
    delete made.block[name];
    expect(proveBody(taskOf(made, "json")), name).toMatchObject({ kind: "refused", proof: "header" });
  }
});
