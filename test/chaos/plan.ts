import { createHash } from "node:crypto";
import { unreachable } from "../../stream/unreachable.ts";

/** A pair of copies, by the words of its command. */
export type StageName = string;

/** Who is struck: one copy of a stage, a node of the Kafka cluster (counted from 0), or the database. */
export type Victim =
  | { readonly kind: "stage"; readonly stage: StageName; readonly role: "worker" | "standby" }
  | { readonly kind: "broker"; readonly nodes: readonly number[] }
  | { readonly kind: "database" };

/** What happens to it. `forMs`: how long it is down or frozen; a stage that was killed is started again after that. */
export interface Fault {
  readonly kind: "kill" | "freeze";
  readonly victim: Victim;
  readonly forMs: number;
  /** The rest before it, after the fault before. */
  readonly afterMs: number;
}

/** What a plan is drawn from. */
export interface PlanOptions {
  readonly seed: number;
  readonly stages: readonly StageName[];
  /** Nodes of the Kafka cluster: one, or three, of which now and then two go at once. */
  readonly brokers: number;
}

const AFTER_MS = { least: 200, most: 2000 };
/** About a session's length: some frozen workers keep their work, most wake up as zombies. */
const FROZEN_MS = { least: 1000, most: 14_000 };
const DOWN_MS = { least: 200, most: 3000 };
/** Both of two brokers down: long enough for every wait to be felt, short enough for no stage to give up (30 s). */
const OUTAGE_MS = { least: 4000, most: 9000 };

/** Of twenty faults so many strike a server of one node, and of a cluster, whose test is its brokers. */
const SERVER_SHARE = { single: 3, cluster: 12 };
const TWENTY = 20;

/** The faults of a seed, one after another for ever: the same for the same options. */
export function* plan(options: PlanOptions): Generator<Fault, never> {
  const draw = dice(options.seed);
  for (;;) {
    const afterMs = between(draw, AFTER_MS);
    const servers = options.brokers === 1 ? SERVER_SHARE.single : SERVER_SHARE.cluster;
    const fault = draw(TWENTY) < servers ? serverFault(draw, options) : stageFault(draw, options);
    yield { ...fault, afterMs };
  }
}

type Draw = (sides: number) => number;

function stageFault(draw: Draw, { stages }: PlanOptions): Omit<Fault, "afterMs"> {
  const stage = stages[draw(stages.length)] ?? "";
  const role = draw(4) === 0 ? "standby" : "worker";
  const kind = draw(4) === 0 ? "freeze" : "kill";
  const forMs = between(draw, kind === "freeze" ? FROZEN_MS : DOWN_MS);
  return { kind, victim: { kind: "stage", stage, role }, forMs };
}

function serverFault(draw: Draw, { brokers }: PlanOptions): Omit<Fault, "afterMs"> {
  if (draw(brokers === 1 ? 2 : 6) === 0)
    return { kind: "kill", victim: { kind: "database" }, forMs: between(draw, DOWN_MS) };
  const first = draw(brokers);
  if (brokers > 1 && draw(4) === 0) {
    const nodes = [first, (first + 1 + draw(brokers - 1)) % brokers];
    return { kind: "kill", victim: { kind: "broker", nodes }, forMs: between(draw, OUTAGE_MS) };
  }
  const kind = draw(4) === 0 ? "freeze" : "kill";
  return { kind, victim: { kind: "broker", nodes: [first] }, forMs: between(draw, DOWN_MS) };
}

function between(draw: Draw, { least, most }: { readonly least: number; readonly most: number }): number {
  return least + draw(most - least + 1);
}

/** Throws of a die whose sides are given at each throw. */
function dice(seed: number): Draw {
  let thrown = 0;
  return (sides) => {
    const digest = createHash("sha256").update(`${seed} ${thrown}`).digest();
    thrown += 1;
    return digest.readUInt32BE() % sides;
  };
}

/** The fault's victim in words. */
export function victimText(victim: Victim): string {
  switch (victim.kind) {
    case "stage":
      return `${victim.stage} (${victim.role})`;
    case "broker":
      return victim.nodes.length > 1
        ? `brokers ${victim.nodes.map((node) => node + 1).join(" and ")}`
        : `broker ${(victim.nodes[0] ?? 0) + 1}`;
    case "database":
      return "database";
    default:
      return unreachable(victim);
  }
}
