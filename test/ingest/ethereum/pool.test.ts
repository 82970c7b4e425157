import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { openProver } from "../../../ingest/ethereum/pool.ts";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { makeBlock, sixTransactions, taskOf } from "./synthetic-block.ts";

const built = existsSync("dist/ingest/workers/prove.worker.js");
const named = (name: string): string => `${name}${built ? "" : " (skipped: dist is not built)"}`;
const made = makeBlock({ fork: "prague", transactions: sixTransactions() });

test.skipIf(!built)(named("threads prove as the function does, and the body moves to them"), async () => {
  const prover = openProver({ threads: 2 });
  try {
    const tasks = Array.from({ length: 8 }, (_, index) => taskOf(made, index % 2 === 0 ? "json" : "raw"));
    const outcomes = await Promise.all(tasks.map((task) => prover.prove(task)));
    const alone = proveBody(taskOf(made, "json"));
    for (const outcome of outcomes) expect(outcome).toEqual(alone);
    expect(tasks.map((task) => task.body.byteLength)).toEqual(Array(8).fill(0));
    const refused = await prover.prove(taskOf({ ...made, receipts: null }, "json"));
    expect(refused).toEqual({
      kind: "refused",
      proof: "receipts",
      reason: "the answer is null",
      waivable: false,
    });
  } finally {
    await prover.close();
  }
});

test.skipIf(!built)(named("closing rejects what waits"), async () => {
  const prover = openProver({ threads: 1 });
  const waiting = Array.from({ length: 20 }, () => prover.prove(taskOf(made, "json")));
  const settled = Promise.allSettled(waiting);
  await prover.close();
  expect((await settled).some((one) => one.status === "rejected")).toBe(true);
});
