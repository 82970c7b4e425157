import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { openBitcoinProver } from "../../../ingest/bitcoin/pool.ts";
import { proveAnswer } from "../../../ingest/bitcoin/prove.ts";
import type { BitcoinTask } from "../../../ingest/bitcoin/prover.ts";
import { blockBytes, grow, simulateBitcoin } from "../../chain/bitcoin/chain.ts";

const built = existsSync("dist/ingest/workers/prove-bitcoin.worker.js");
const named = (name: string): string => `${name}${built ? "" : " (skipped: dist is not built)"}`;
const block = grow(simulateBitcoin(), 1);
const { height, hash, parent, time } = block;

function taskOf(bytes: Uint8Array): BitcoinTask {
  return {
    answer: {
      form: "rest",
      block: Uint8Array.from(bytes).buffer,
      spent: Uint8Array.from(block.body.spent).buffer,
    },
    expected: { height, hash, parent, time },
    network: "regtest",
    history: undefined,
    waive: [],
  };
}

test.skipIf(!built)(named("threads prove as the function does, and the bytes move to them"), async () => {
  const prover = openBitcoinProver({ threads: 2 });
  try {
    const tasks = Array.from({ length: 8 }, () => taskOf(blockBytes(block)));
    const outcomes = await Promise.all(tasks.map((task) => prover.prove(task)));
    const alone = proveAnswer(taskOf(blockBytes(block)));
    expect(alone.kind).toBe("proven");
    for (const outcome of outcomes) expect(outcome).toEqual(alone);
    for (const { answer } of tasks) {
      expect(answer.form === "rest" && [answer.block.byteLength, answer.spent.byteLength]).toEqual([0, 0]);
    }
    const refused = await prover.prove(taskOf(blockBytes(block).subarray(0, -1)));
    expect(refused).toMatchObject({ kind: "refused", proof: "merkle" });
    const body = Uint8Array.from(
      Buffer.from('[{"id":0,"error":{"code":-5,"message":"Block not found"}}]'),
    ).buffer;
    expect(await prover.prove({ ...taskOf([] as never), answer: { form: "rpc", body } })).toEqual({
      kind: "missing",
      reason: "Block not found",
    });
    expect(body.byteLength).toBe(0);
  } finally {
    await prover.close();
  }
});
