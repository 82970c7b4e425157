import { join } from "node:path";
import type { Clock } from "../stream/kafka/clock.ts";
import type { Disk } from "./disk.ts";
import { beginTenure, isTenure, type Tenure } from "./tenure.ts";

/** By what a writer waits, and gives signs of life. */
export interface TurnTools {
  readonly disk: Disk;
  readonly clock: Clock;
}

/** How often a writer shows that it lives. */
const SIGN_MS = 1_000;
/** A writer that showed nothing for so long is dead or frozen: as long as a consumer group waits for a member (claim.ts). */
const SILENT_MS = 6_000;
const LOOK_MS = 200;

/**
 * Waits until no other writer of `place` is at work, then begins a tenure there. One that gave no sign of life for six seconds
 * is replaced: dead or frozen, its folder is taken away. Rejects when `signal` aborts meanwhile.
 */
export async function takeTurn(place: string, tools: TurnTools, signal: AbortSignal): Promise<Tenure> {
  for (;;) {
    await silence(place, tools, signal);
    const tenure = await beginTenure(place, tools.disk);
    // Another one may have begun in the same instant.
    if (!(await tenure.isOver())) return living(tenure, tools);
  }
}

async function silence(place: string, { disk, clock }: TurnTools, signal: AbortSignal): Promise<void> {
  let last = "";
  let since = clock.now();
  for (;;) {
    signal.throwIfAborted();
    const signs = await signsIn(place, disk);
    if (signs === "") return;
    if (signs !== last) since = clock.now();
    else if (clock.now() - since >= SILENT_MS) return;
    last = signs;
    await clock.sleep(LOOK_MS, signal);
  }
}

/** What changes as long as a writer works; empty: there is none. */
async function signsIn(place: string, disk: Disk): Promise<string> {
  const writers = (await disk.list(place).catch(nothing)).filter(isTenure);
  const signs = writers.map(async (name) => `${name}: ${await disk.list(join(place, name)).catch(nothing)}`);
  return (await Promise.all(signs)).join("\n");
}

/** Gives signs of life until its end: files of a name that is another one each time. */
function living(tenure: Tenure, { disk, clock }: TurnTools): Tenure {
  const stop = new AbortController();
  const sign = (count: number) => join(tenure.folder, `sign-${count}`);
  const give = async () => {
    for (let count = 1; ; count += 1) {
      await clock.sleep(SIGN_MS, stop.signal);
      // What keeps a sign from being given, the work itself meets too.
      await disk.write(sign(count), "").catch(() => undefined);
      await disk.remove(sign(count - 1)).catch(() => undefined);
    }
  };
  const giving = give().catch(() => undefined);
  const end = async () => {
    stop.abort();
    await giving;
    await tenure.end();
  };
  return { ...tenure, end };
}

function nothing(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
