import type { StageContext } from "../../stream/kafka/stage.ts";

/** Errors of a file system that may pass: it is full, read-only, gone, or its device fails (errno, as Node names them). */
const PASSING_CODES = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "ENOENT", "EIO"]);

/** As long as the other stores wait for what they lack. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;
/** Work that went on for this long had written: several times what rows wait before they are. */
const STEADY_MS = 60_000;

/** The lake's folder could not be written for too long. Ends the stage with exit code 4. */
export class LakeUnwritable extends Error {
  override readonly name = "LakeUnwritable";
  readonly lake: string;
  constructor(lake: string, cause: unknown) {
    super(
      `the lake at ${lake} can't be written (${(cause as Error).message}); make room or mend the folder: what is missing in it is still in the topics`,
      { cause },
    );
    this.lake = lake;
  }
}

/**
 * Does `work`, which begins from what the files hold, again with growing pauses while the lake's folder can't be written.
 * Resolves with undefined when `context.signal` aborts meanwhile. Throws `LakeUnwritable` when that lasts for five minutes.
 */
export async function whileWritable<T>(
  context: StageContext,
  lake: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const { clock, log, signal } = context;
  let failingSince: number | undefined;
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const startedAt = clock.now();
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (clock.now() - startedAt > STEADY_MS) failingSince = undefined;
      if (failingSince === undefined) {
        log.warn({ lake, reason: (error as Error).message }, "lake can't be written");
        failingSince = clock.now();
        waitMs = FIRST_WAIT_MS;
      }
      if (clock.now() - failingSince > PATIENCE_MS) throw new LakeUnwritable(lake, error);
      await clock.sleep(waitMs);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }
  return undefined;
}

/** DuckDB tells its trouble with files by text alone. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string") return PASSING_CODES.has(code);
  return /^IO Error|No space left on device|Read-only file system/.test(error.message);
}
