import type { StageContext } from "./stage.ts";

const LOOK_MS = 250;

/** A stage that follows a rewind: how far it stands (-1: nowhere), and how it works. */
export interface Follower {
  height(): Promise<number>;
  run(context: StageContext): Promise<void>;
}

/**
 * Lets the stages that stand above `height`, to which the chain was put back, go back to it, one after the other as data flows,
 * and no further. Where this is cut short they do so at their next start.
 */
export async function followRewind(
  context: StageContext,
  height: number,
  followers: readonly Follower[],
): Promise<void> {
  for (const follower of followers)
    if ((await follower.height()) > height) await goBack(context, height, follower);
}

async function goBack(context: StageContext, height: number, follower: Follower): Promise<void> {
  const back = new AbortController();
  const signal = AbortSignal.any([context.signal, back.signal]);
  const work = follower.run({ ...context, signal });
  const watch = (async () => {
    while (!signal.aborted && (await follower.height()) > height) await context.clock.sleep(LOOK_MS);
  })();
  try {
    await Promise.race([work, watch]);
  } finally {
    back.abort();
    await Promise.all([work, watch]);
  }
}
