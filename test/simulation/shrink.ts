import { type Ending, runStory } from "./run.ts";
import type { Story, Turn } from "./story.ts";

/** How long shrinking may take: a run takes some 30 ms, one in which nothing goes on ten times as much. */
const LONGEST_MS = 60_000;

/** A story that fails, and how. */
export interface Failing {
  readonly story: Story;
  readonly ending: Ending;
}

/** The shortest story that still fails: parts are left out one after the other for as long as one of them can be spared. */
export async function shrink(failing: Failing): Promise<Failing> {
  let best = failing;
  const endAt = performance.now() + LONGEST_MS;
  for (let improved = true; improved; ) {
    improved = false;
    for (const story of shorter(best.story)) {
      if (performance.now() > endAt) return best;
      const ending = await runStory(story);
      if (ending.failure === undefined) continue;
      best = { story, ending };
      improved = true;
      break;
    }
  }
  return best;
}

/** Stories with a little less in them, those that leave out most first. */
function* shorter(story: Story): Generator<Story> {
  const { turns, blows } = story;
  if (story.trouble > 0) yield { ...story, trouble: 0 };
  if (turns.length > 2) yield { ...story, turns: turns.slice(0, turns.length >> 1) };
  if (blows.length > 1) {
    yield { ...story, blows: blows.slice(0, blows.length >> 1) };
    yield { ...story, blows: blows.slice(blows.length >> 1) };
  }
  for (const at of turns.keys()) yield { ...story, turns: turns.filter((_, index) => index !== at) };
  for (const at of blows.keys()) yield { ...story, blows: blows.filter((_, index) => index !== at) };
  if (story.copies > 1) yield { ...story, copies: 1 };
  if (story.nodes > 1) yield { ...story, nodes: 1 };
  if (story.until !== undefined) yield { ...story, until: undefined };
  if (story.rewind !== undefined) yield { ...story, rewind: undefined };
  if (story.rewind !== undefined && story.rewind.depth > 0)
    yield { ...story, rewind: { ...story.rewind, depth: story.rewind.depth - 1 } };
  if (story.rewind?.grow !== undefined && story.rewind.grow > 1)
    yield { ...story, rewind: { ...story.rewind, grow: story.rewind.grow >> 1 } };
  if (story.compacts) yield { ...story, compacts: false };
  for (const [at, turn] of turns.entries())
    for (const plainer of plainerTurns(turn)) yield { ...story, turns: turns.with(at, plainer) };
}

function* plainerTurns(turn: Turn): Generator<Turn> {
  if (turn.views.some((view) => view !== 0)) yield { ...turn, views: turn.views.map(() => 0) };
  if (turn.depth > 0) yield { ...turn, depth: 0 };
  if (turn.grow > 1) yield { ...turn, grow: 1 };
  if (turn.depth > 1) yield { ...turn, depth: turn.depth - 1 };
  if (turn.grow > 0) yield { ...turn, grow: turn.grow - 1 };
}
