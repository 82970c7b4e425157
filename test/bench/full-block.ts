import { openBitcoinProver } from "../../ingest/bitcoin/pool.ts";
import { type FullBlock, fullBlock } from "../chain/bitcoin/full-block.ts";

const RUNS = 100;

/** What a worker thread of ingest takes to read and prove a full block of Bitcoin. */
export async function measureFullBlock(): Promise<string> {
  const block = fullBlock();
  const times = await timesOf(block);
  const what = `a full block, ${(block.size / 1e6).toFixed(1)} MB of ${block.transactions.toLocaleString("en")} transactions`;
  const [least = 0, median = 0] = [times[0], times[RUNS / 2]].map((time) => Math.round(time ?? 0));
  return `${what}: read and proven by one thread in ${median} ms (median of ${RUNS}; the least ${least})`;
}

/** Milliseconds of each run, ascending. */
async function timesOf({ task }: FullBlock): Promise<readonly number[]> {
  const prover = openBitcoinProver({ threads: 1 });
  const times: number[] = [];
  try {
    for (let run = 0; run < RUNS; run += 1) {
      const one = task();
      const before = performance.now();
      const { kind } = await prover.prove(one);
      times.push(performance.now() - before);
      if (kind !== "proven") throw new Error(`the full block is ${kind}`);
    }
  } finally {
    await prover.close();
  }
  return times.sort((a, b) => a - b);
}
