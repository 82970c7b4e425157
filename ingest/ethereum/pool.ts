import { openThreads } from "../threads.ts";
import type { ProveOutcome, Prover, ProveTask } from "./prover.ts";
import { hasNativeRecovery } from "./recovery.ts";

/** How many threads prove (default: as many as the machine runs at once), and who hears what a person should know. */
export interface ProverOptions {
  readonly threads?: number;
  readonly warn?: (message: string) => void;
}

/**
 * Worker threads that prove. A task's body moves to its thread and is empty here afterwards.
 * How many tasks wait is the caller's to bound; `close` ends the threads at once, and the tasks that wait reject.
 */
export function openProver(options: ProverOptions = {}): Prover {
  const warn = options.warn ?? ((message) => process.emitWarning(message));
  if (!hasNativeRecovery()) {
    warn(
      "secp256k1 runs without its native code: recovering senders is thirty times slower; rebuild it here",
    );
  }
  const threads = openThreads<ProveTask, ProveOutcome>({
    worker: "prove",
    threads: options.threads,
    buffersOf: (task) => [task.body],
  });
  return { prove: threads.run, close: threads.close };
}
