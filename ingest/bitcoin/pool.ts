import { openThreads } from "../threads.ts";
import type { BitcoinOutcome, BitcoinProver, BitcoinTask } from "./prover.ts";

/** With V8's own size the answers of a dozen blocks lie about unseen in each thread: 180 MB more. */
const YOUNG_MB = 4;

/**
 * Worker threads that prove Bitcoin blocks (default: as many as the machine runs at once). An answer's bytes move to their
 * thread and are empty here afterwards. How many tasks wait is the caller's to bound.
 */
export function openBitcoinProver(options: { readonly threads?: number } = {}): BitcoinProver {
  const threads = openThreads<BitcoinTask, BitcoinOutcome>({
    worker: "prove-bitcoin",
    threads: options.threads,
    youngMb: YOUNG_MB,
    buffersOf: ({ answer }) => (answer.form === "rest" ? [answer.block, answer.spent] : [answer.body]),
  });
  return { prove: threads.run, close: threads.close };
}
