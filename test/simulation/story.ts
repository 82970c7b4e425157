import type { FinalityPolicy } from "../../stream/finality.ts";
import type { TimeRule } from "./chain.ts";
import { type Random, seeded } from "./random.ts";

/** The processes of a run, by what they do. */
export const ROLES = ["ingest", "gate", "flows", "aggregate", "postgres", "parquet", "feed"] as const;
export type Role = (typeof ROLES)[number];

/** What happens to the chain, and how its nodes see it. */
export interface Turn {
  /** How long after the turn before it, virtual ms. */
  readonly afterMs: number;
  /** How many of the newest blocks leave the chain (fewer where one of them may be final); of a rogue turn how many final ones besides one. */
  readonly depth: number;
  readonly grow: number;
  /** The branch that was left last is the chain again (where nothing speaks against it), before others come. */
  readonly returns: boolean;
  /** How far behind the head the finalized block is. */
  readonly finalizedLag: number;
  /** For each node: by how many blocks it lags; `stale`: it has not heard of this turn yet. */
  readonly views: readonly (number | "stale")[];
  /** Blocks that are final leave the chain too: the gate must halt. */
  readonly rogue: boolean;
}

/** What happens to a process at its `at`th effect, counted over all copies of its role. */
export interface Blow {
  readonly role: Role | "rewind";
  readonly at: number;
  readonly kind: "kill" | "forget" | "freeze" | "stop" | "power cut";
  /** How long a frozen one sleeps, virtual ms. */
  readonly ms: number;
  /** Effects are counted from the beginning of the rewind on. */
  readonly sinceRewind?: boolean;
}

/** An operator's rewind: all stages are stopped for it, and started again when it is through or was given up. */
export interface RewindTurn {
  /** After so many turns, and so long after the last of them (virtual ms). */
  readonly after: number;
  readonly waitMs: number;
  /** How many of the final blocks that the chain still builds on are taken back too. */
  readonly depth: number;
  /** Whether a rewind that was cut short is called again; else the stages are started as it left them. */
  readonly insists: boolean;
  /** How many blocks come in the end, so that what was taken back is final anew: with few of them little is. */
  readonly grow?: number;
  /** The lake is another machine's, whose stage the rewind does not reach: it follows when it starts again. */
  readonly lakeAway?: LakeAway | undefined;
}

/** When another machine's lake is not there: from so many turns before a rewind until so long after it (virtual ms). */
export interface LakeAway {
  readonly turns: number;
  readonly lateMs: number;
}

/** All that a run is made of: with the same story it is the same run. */
export interface Story {
  readonly seed: number;
  readonly start: number;
  readonly timeRule: TimeRule;
  /** Most blocks come about a day after the one before: many days are complete. */
  readonly sparse?: boolean;
  readonly policy: FinalityPolicy;
  /** Copies of each process; one works, the others stand by. */
  readonly copies: number;
  readonly nodes: number;
  /** How much goes wrong on wires, 0 to 1: times each trouble's own frequency. */
  readonly trouble: number;
  /** With a first run that ends by itself so many blocks above the first one; undefined: none. */
  readonly until: number | undefined;
  /** Whether the broker compacts exchange flows meanwhile. */
  readonly compacts: boolean;
  readonly turns: readonly Turn[];
  readonly blows: readonly Blow[];
  readonly rewind?: RewindTurn | undefined;
}

/** At which effect a process is killed, counted as `Blow` counts. */
export type Strike = Pick<Blow, "role" | "at">;

/** A story by its seed, with one more kill where something is to be struck that its own blows leave out. */
export interface Case {
  readonly seed: number;
  readonly strike?: Strike;
}

/** Most turns of a story, and how many of its turns may meet a blow. */
const MOST_TURNS = 12;
const MOST_BLOWS = 8;
/** How many stories end in a reorg of final blocks, and how many of these and of the others have a rewind. */
const ROGUE = 0.12;
const ROGUE_REWOUND = 0.75;
const REWOUND = 0.1;
/** How often a chain with a rewind is a sparse one, so that there are days to correct. */
const SPARSE = 0.6;
/** How often a rewind comes at once, while the stages are still behind; the longest waits for another (virtual ms): a feed may be out by then. */
const AT_ONCE = 0.3;
const MOST_WAIT_MS = { atOnce: 500, plain: 4_000, rogue: 40_000 };
/** How often a rewind itself may be struck. */
const MOST_REWIND_BLOWS = 3;
/** How many processes are struck after it began, and at most at which of their effects since then: while they go back. */
const MOST_LATE_BLOWS = 3;
const LATEST_EFFECT = 80;
/** How many final blocks leave at most besides one, where a rewind follows: now and then a day's that is published. */
const MOST_REWOUND = 16;
/** Most blocks that come after a rewind: more than any final block needs confirmations, and than were taken back. */
const MOST_AFTER_REWIND = 16;
/** Longer than the broker waits until it compacts. */
const MOST_LATE_MS = 8_000;

/** The story of a seed. */
export function tell(seed: number): Story {
  const random = seeded(seed);
  const policy: FinalityPolicy = random.chance(0.6)
    ? { kind: "confirmations", confirmations: random.whole(1, 5) }
    : { kind: "tag", tag: "finalized" };
  const nodes = random.whole(1, 2);
  const rogue = random.chance(ROGUE);
  const turns = Array.from({ length: random.whole(2, MOST_TURNS) }, () => turnOf(random, nodes));
  const plain: Story = {
    seed,
    start: random.pick([0, 1, 7]),
    timeRule: random.chance(0.6) ? "ascending" : "above the median",
    policy,
    copies: random.whole(1, 2),
    nodes,
    trouble: random.chance(0.3) ? 0 : random.next(),
    until: !rogue && random.chance(0.25) ? random.whole(0, 8) : undefined,
    compacts: random.chance(0.3),
    turns: rogue ? turns.map((turn, at) => ({ ...turn, rogue: at === turns.length - 1 })) : turns,
    blows: Array.from({ length: random.whole(0, MOST_BLOWS) }, () => blowOf(random)),
  };
  if (plain.until !== undefined || !random.chance(rogue ? ROGUE_REWOUND : REWOUND)) return plain;
  const rewind = {
    after: rogue ? turns.length : random.whole(1, turns.length),
    waitMs: random.whole(0, MOST_WAIT_MS[random.chance(AT_ONCE) ? "atOnce" : rogue ? "rogue" : "plain"]),
    depth: random.whole(0, 6),
    insists: random.chance(0.7),
  };
  const blows = Array.from({ length: random.whole(0, MOST_REWIND_BLOWS) }, () => rewindBlowOf(random));
  const late = Array.from({ length: random.whole(0, MOST_LATE_BLOWS) }, () => lateBlowOf(random));
  const grow = random.whole(1, MOST_AFTER_REWIND);
  const lakeAway = random.chance(0.5)
    ? { turns: random.whole(0, 3), lateMs: random.whole(0, MOST_LATE_MS) }
    : undefined;
  return {
    ...plain,
    sparse: random.chance(SPARSE),
    turns: plain.turns.map((turn) => (turn.rogue ? { ...turn, depth: random.whole(0, MOST_REWOUND) } : turn)),
    rewind: { ...rewind, grow, lakeAway },
    blows: [...plain.blows, ...blows, ...late],
  };
}

/** The story of a case. Up to the strike all goes as in its seed's own story. */
export function storyOf({ seed, strike }: Case): Story {
  const story = tell(seed);
  if (strike === undefined) return story;
  return { ...story, blows: [{ ...strike, kind: "kill", ms: 0 }, ...story.blows] };
}

function turnOf(random: Random, nodes: number): Turn {
  const views = Array.from({ length: nodes }, () => viewOf(random));
  return {
    afterMs: random.chance(0.3) ? random.whole(0, 50) : random.whole(50, 3000),
    depth: random.chance(0.5) ? 0 : random.whole(1, 4),
    grow: random.whole(0, 5),
    returns: random.chance(0.15),
    finalizedLag: random.whole(0, 5),
    views,
    rogue: false,
  };
}

function viewOf(random: Random): number | "stale" {
  if (random.chance(0.15)) return "stale";
  return random.chance(0.2) ? random.whole(1, 4) : 0;
}

/** How often each kind comes, as bounds of a draw. */
const BLOWS = [
  { kind: "kill", below: 0.5 },
  { kind: "freeze", below: 0.78 },
  { kind: "stop", below: 0.88 },
  { kind: "power cut", below: 0.96 },
  { kind: "forget", below: 1 },
] as const;

function blowOf(random: Random): Blow {
  const draw = random.next();
  return {
    role: random.pick(ROLES),
    at: random.chance(0.5) ? random.whole(1, 30) : random.whole(1, 160),
    kind: BLOWS.find(({ below }) => draw < below)?.kind ?? "kill",
    ms: random.whole(500, 20_000),
  };
}

function rewindBlowOf(random: Random): Blow {
  return { ...blowOf(random), role: "rewind", at: random.whole(1, random.chance(0.5) ? 40 : 250) };
}

function lateBlowOf(random: Random): Blow {
  return { ...blowOf(random), at: random.whole(1, LATEST_EFFECT), sinceRewind: true };
}

/** A story for people, a line for each thing that is told. */
export function readable(story: Story): readonly string[] {
  const { policy, trouble } = story;
  const final =
    policy.kind === "tag" ? "final when the node says so" : `final at ${policy.confirmations} confirmations`;
  const rule = story.timeRule === "ascending" ? "times ascend" : "times exceed the median of eleven";
  const times = story.sparse === true ? `${rule}, mostly by a day` : rule;
  const troubles =
    trouble === 0 ? "wires without trouble" : `trouble on wires at ${Math.round(100 * trouble)} %`;
  return [
    `a chain from block ${story.start}, ${times}; ${final}; ${story.nodes} node(s), ${story.copies} copy(ies) of each process; ` +
      `${troubles}${story.compacts ? "; the broker compacts" : ""}${story.until === undefined ? "" : `; first a run until block ${story.start + story.until}`}${rewindText(story)}`,
    ...story.turns.map(turnLine),
    ...story.blows.map(blowLine),
  ];
}

function rewindText({ rewind }: Story): string {
  if (rewind === undefined) return "";
  const { after, waitMs, depth, insists, grow = 1, lakeAway } = rewind;
  const calls = insists ? ", called until it is through" : "";
  const lake =
    lakeAway === undefined
      ? ""
      : `, while the lake's stage is not there, from ${lakeAway.turns} turns before until ${lakeAway.lateMs} ms after it`;
  return `; ${waitMs} ms after turn ${after} a rewind takes ${depth} final blocks back${calls}${lake}, and in the end ${grow} come`;
}

function turnLine({ afterMs, depth, grow, returns, finalizedLag, views, rogue }: Turn): string {
  const leave = returns
    ? "the branch that was left last is back, "
    : rogue
      ? "blocks leave that are final"
      : depth === 0
        ? ""
        : `up to ${depth} leave, `;
  const seen = views.map((view) =>
    view === "stale" ? "has not heard of it" : view === 0 ? "" : `lags by ${view}`,
  );
  const nodes = seen.flatMap((text, at) => (text === "" ? [] : `node ${at} ${text}`)).join(", ");
  return `after ${afterMs} ms: ${leave}${grow} come; finalized is ${finalizedLag} behind the head${nodes === "" ? "" : `; ${nodes}`}`;
}

function blowLine({ role, at, kind, ms, sinceRewind = false }: Blow): string {
  const whats = {
    kill: "is killed",
    forget: "is killed, and its group's offset expires,",
    freeze: `freezes for ${ms} ms`,
    stop: "is told to stop",
    "power cut": "goes down with the whole machine",
  };
  return `${role} ${whats[kind]} at effect ${at}${sinceRewind ? " since the rewind began" : ""}`;
}
