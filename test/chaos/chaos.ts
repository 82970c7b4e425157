import { setTimeout as sleep } from "node:timers/promises";
import type { Copy, CopyEnd } from "./copy.ts";
import { goodEnd } from "./pairs.ts";
import { type Fault, plan, victimText } from "./plan.ts";
import { type Battlefield, type Outcome, strike } from "./strike.ts";
import { waitFor } from "./watch.ts";

/** DESIGN of the standby: it works within this time after the worker is gone or frozen. */
export const TAKEOVER_LIMIT_MS = 10_000;

/** Longer than a member that left without a word stays in its group (6 s). */
const RESTED_MS = 8000;
/** Faults under way at once: they overlap, and there is still a pipeline. */
const MOST_AT_ONCE = 4;
/** Until a struck pair is a pair again; both copies start anew, on a busy machine. */
const READY_PATIENCE_MS = 240_000;
/** A stage gives up when a server is away for half a minute: some time after the server's fault. */
const GIVING_UP_MS = 60_000;

/** A standby's taking over from a worker that was killed or frozen, its servers being up; times since the blow. */
export interface Takeover {
  readonly stage: string;
  readonly kind: Fault["kind"];
  /** The pair had been one for a session's length: before, a group may still wait for a member that is gone. */
  readonly isRested: boolean;
  readonly takenOverMs: number;
  readonly againMs: number;
}

/** What a battle was. */
export interface Battle {
  readonly kills: number;
  readonly freezes: number;
  /** How often two of three brokers were killed at once. */
  readonly twoBrokers: number;
  readonly takeovers: readonly Takeover[];
  /** Ends that copies came to by themselves, as they may. */
  readonly fenced: number;
  readonly gaveUp: number;
  /** Brokers that came back without their groups, and were started once more. */
  readonly restartedTwice: number;
  readonly findings: readonly string[];
}

/** How a battle is fought. */
export interface BattleOptions {
  readonly seed: number;
  /** How often something is killed. */
  readonly kills: number;
  readonly say: (line: string) => void;
  /** Aborted: no more faults; what came of those so far is compared. */
  readonly signal?: AbortSignal;
}

/** Strikes by the seed's plan until `kills` is reached or something is found that must not be. */
export class Chaos {
  readonly #field: Battlefield;
  readonly #options: BattleOptions;
  readonly #beganAt = performance.now();
  readonly #underWay = new Map<Promise<void>, Fault>();
  readonly #takeovers: Takeover[] = [];
  readonly #findings: string[] = [];
  readonly #late: string[] = [];
  readonly #ends = { fenced: 0, "gave up": 0 };
  #restartedTwice = 0;
  #struck = 0;
  #kills = 0;
  #freezes = 0;
  #twoBrokers = 0;
  /** When a server was last away. */
  readonly #awayAt = { broker: Number.NEGATIVE_INFINITY, database: Number.NEGATIVE_INFINITY };

  constructor(field: Battlefield, options: BattleOptions) {
    this.#field = field;
    this.#options = options;
  }

  async fight(): Promise<Battle> {
    const { seed, kills, signal } = this.#options;
    const { pairs, brokers, watch } = this.#field;
    await this.#untilFree(() => pairs.stages.every((stage) => pairs.isReady(stage)), "not all stages began");
    for (const fault of plan({ seed, stages: pairs.stages, brokers: brokers.length })) {
      const isFound = this.#findings.length + watch.findings.length > 0;
      if (this.#kills >= kills || isFound || signal?.aborted === true) break;
      await sleep(fault.afterMs);
      await this.#untilFree(() => this.#mayStrike(fault), `no moment came for ${victimText(fault.victim)}`);
      this.#launch(fault);
    }
    await Promise.all(this.#underWay.keys());
    return {
      kills: this.#kills,
      freezes: this.#freezes,
      twoBrokers: this.#twoBrokers,
      takeovers: this.#takeovers,
      fenced: this.#ends.fenced,
      gaveUp: this.#ends["gave up"],
      restartedTwice: this.#restartedTwice,
      findings: [...this.#findings, ...this.#late],
    };
  }

  /** A copy ended by itself; whether it may. */
  heardOfEnd(copy: Copy, end: CopyEnd): boolean {
    const good = goodEnd(end);
    const awayAt = Math.max(this.#awayAt.broker, this.#awayAt.database);
    const isExcused = performance.now() - awayAt < GIVING_UP_MS;
    if (good === undefined || (good === "gave up" && !isExcused)) {
      this.#find(`${copy.stage} ${copy.number} ended with ${end.code}:\n${end.lastWords}`);
      return false;
    }
    this.#ends[good] += 1;
    return true;
  }

  async #untilFree(condition: () => boolean, otherwise: string): Promise<void> {
    const came = await waitFor(
      READY_PATIENCE_MS,
      () => condition() || this.#findings.length > 0 || undefined,
    );
    if (came === undefined) this.#find(otherwise);
  }

  #mayStrike({ victim }: Fault): boolean {
    const others = [...this.#underWay.values()].map((fault) => fault.victim);
    if (others.length >= MOST_AT_ONCE) return false;
    if (victim.kind !== "stage") return others.every(({ kind }) => kind === "stage");
    return (
      this.#field.pairs.isReady(victim.stage) &&
      others.every((other) => other.kind !== "stage" || other.stage !== victim.stage)
    );
  }

  #launch(fault: Fault): void {
    if (this.#findings.length > 0) return;
    this.#struck += 1;
    const { victim } = fault;
    if (fault.kind === "freeze") this.#freezes += 1;
    else this.#kills += victim.kind === "broker" ? victim.nodes.length : 1;
    if (victim.kind === "broker" && victim.nodes.length > 1) this.#twoBrokers += 1;
    const number = this.#struck;
    const going = this.#follow(fault, number).finally(() => this.#underWay.delete(going));
    this.#underWay.set(going, fault);
  }

  async #follow(fault: Fault, number: number): Promise<void> {
    const at = performance.now();
    const { kind, victim } = fault;
    const isRested = victim.kind === "stage" && this.#field.pairs.isReady(victim.stage, RESTED_MS);
    if (victim.kind !== "stage") this.#awayAt[victim.kind] = Infinity;
    const outcome = await strike(fault, this.#field).catch((error: Error) => failed(error));
    if (victim.kind !== "stage") this.#awayAt[victim.kind] = performance.now();
    this.#say(number, at, fault, outcome);
    if ((outcome.hung ?? []).length > 0) this.#restartedTwice += 1;
    for (const finding of outcome.findings) this.#find(finding);
    const { takenOverMs, againMs } = outcome;
    if (victim.kind !== "stage" || takenOverMs === undefined || againMs === undefined) return;
    // With a server of its own away nobody can take anything over.
    if (this.#serverAway(victim.stage) > at) return;
    this.#takeovers.push({ stage: victim.stage, kind, isRested, takenOverMs, againMs });
    // No reason to stop: what is late is not lost.
    if (isRested && takenOverMs > TAKEOVER_LIMIT_MS)
      this.#late.push(`fault ${number}: the takeover took ${seconds(takenOverMs)} s`);
  }

  #serverAway(stage: string): number {
    const { broker, database } = this.#awayAt;
    return stage.startsWith("warehouse postgres") ? Math.max(broker, database) : broker;
  }

  #say(number: number, at: number, fault: Fault, outcome: Outcome): void {
    const { kind, forMs, victim } = fault;
    const deed = kind === "kill" ? `kill -9, down ${seconds(forMs)} s` : `frozen ${seconds(forMs)} s`;
    const { takenOverMs, againMs, zombie, hung = [] } = outcome;
    const parts = [
      takenOverMs === undefined ? undefined : `taken over after ${seconds(takenOverMs)} s`,
      againMs === undefined ? "nothing stood still" : `output again after ${seconds(againMs)} s`,
      hung.length === 0 ? undefined : `it had to be started twice: ${hung.join(", ")} hung`,
      zombie === undefined ? undefined : `awake it ${zombie === "left" ? "was fenced and left" : zombie}`,
    ].filter((part) => part !== undefined);
    const when = seconds(at - this.#beganAt);
    this.#options.say(
      `${String(number).padStart(4)} ${when.padStart(7)} s  ${victimText(victim)}: ${deed}: ${parts.join(", ")}`,
    );
  }

  #find(finding: string): void {
    this.#findings.push(finding);
    this.#options.say(`FOUND: ${finding}`);
  }
}

function failed(error: Error): Outcome {
  return { takenOverMs: undefined, againMs: undefined, findings: [error.stack ?? error.message] };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
