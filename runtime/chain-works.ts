import type { Logger } from "pino";
import type { ChainName } from "../stream/block.ts";
import { EXIT, exitCodeOf, isVerdict } from "./exit.ts";

/** The work of one process on several chains. */
export interface ChainWorks {
  readonly chains: readonly ChainName[];
  work(chain: ChainName): Promise<void>;
  /** Called when the work on a chain crashed: a restart of the process may cure that, so that all must end. */
  crashed(): void;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Works on all chains until the last has ended. A chain whose work comes to a verdict (an exit code that no restart cures) is left
 * behind, with an error in the log, and the others go on; resolves with the code of the first such chain, else 0.
 * Throws what crashed one, and where there is only one chain, whatever ended it.
 */
export async function untilAllEnd({ chains, work, crashed, log, signal }: ChainWorks): Promise<number> {
  const [only, ...others] = chains;
  if (only !== undefined && others.length === 0) return work(only).then(() => EXIT.done);
  const leftBehind: number[] = [];
  const crashes: unknown[] = [];
  const follow = (chain: ChainName) =>
    work(chain).catch((error: Error) => {
      // What breaks while everything is being let go is a consequence of that.
      if (signal.aborted) return;
      const code = exitCodeOf(error);
      if (isVerdict(code)) {
        leftBehind.push(code);
        log.error({ chain, code, reason: error.message }, LEFT_BEHIND);
      } else {
        crashes.push(error);
        crashed();
      }
    });
  await Promise.all(chains.map(follow));
  if (crashes.length > 0) throw crashes[0];
  return leftBehind[0] ?? EXIT.done;
}

const LEFT_BEHIND = "chain left behind: mend what the reason names, then start again; the others go on";
