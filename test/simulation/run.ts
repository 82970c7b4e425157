import { TOPICS } from "./stages.ts";
import type { Story } from "./story.ts";
import { World } from "./world.ts";

/** How a run ended. */
export interface Ending {
  /** Undefined: all is as the oracle has it. */
  readonly failure: Error | undefined;
  readonly diary: readonly string[];
  readonly blocks: number;
  readonly points: World["points"];
  readonly events: number;
  /** All that was written, and when: two runs of one story have the same. */
  readonly trace: string;
}

/** A promise was rejected that nobody waits for: it would have ended the process. */
class Unawaited extends Error {
  override readonly name = "Unawaited";
  constructor(reason: unknown) {
    super(`nobody heard of: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  }
}

/** Plays a story and holds what came of it to the oracle. */
export async function runStory(story: Story): Promise<Ending> {
  const world = new World(story);
  let failure: Error | undefined;
  const unawaited = (reason: unknown) => {
    failure ??= new Unawaited(reason);
  };
  process.on("unhandledRejection", unawaited);
  try {
    await world.play();
  } catch (error) {
    failure ??= error as Error;
  }
  // Node tells of such rejections between two turns of its own loop.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", unawaited);
  return {
    failure,
    diary: world.diary,
    blocks: world.cluster.log(TOPICS.final).history.length,
    points: world.points,
    events: world.scheduler.events,
    trace: [...world.diary, world.scheduler.now, world.scheduler.random.next()].join("\n"),
  };
}
