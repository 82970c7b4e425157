import type { Clock } from "../../stream/kafka/clock.ts";
import { abortableSleep, type Scheduler } from "./scheduler.ts";

/** The longest that an effect takes of itself. */
const LONGEST_EFFECT_MS = 8;

/** What an effect is followed by. */
export type Mishap =
  | { readonly kind: "kill" }
  | { readonly kind: "freeze"; readonly ms: number }
  | { readonly kind: "power cut" };

/** What the world decides about a process. */
export interface Fate {
  /** Whether something happens to the process right here. */
  at(process: SimProcess, effect: string): Mishap | undefined;
  /** Whether an edge fails here. */
  fault(process: SimProcess, name: string, probability: number): boolean;
  /** The machine loses its power: all processes die, and what was not synced is gone. */
  powerCut(): void;
}

/** A process of the simulation: everything that it does to the world goes through `effect`, where it can die or freeze. */
export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  /** The consumer groups that ever gave it their partition. */
  readonly granted = new Set<string>();
  readonly #scheduler: Scheduler;
  readonly #fate: Fate;
  readonly #cleanUps: (() => void)[] = [];
  #dead = false;
  #frozenUntil = 0;

  constructor(name: string, scheduler: Scheduler, fate: Fate) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#fate = fate;
    this.clock = {
      now: () => scheduler.now,
      sleep: (ms, signal) => this.#awake(abortableSleep(scheduler, ms, signal)),
      random: () => scheduler.random.next(),
    };
  }

  /** True once killed: it must not change the world any more. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Until when it is frozen (virtual ms). */
  get frozenUntil(): number {
    return this.#frozenUntil;
  }

  /**
   * To be awaited right before and right after whatever changes or reads the world. Others may come in between.
   * Never resolves in a process that died; resolves late in one that froze.
   */
  async effect(name: string): Promise<void> {
    if (this.#dead) return never();
    const mishap = this.#fate.at(this, name);
    if (mishap?.kind === "kill") this.kill();
    if (mishap?.kind === "power cut") this.#fate.powerCut();
    if (mishap?.kind === "freeze") this.freeze(mishap.ms);
    await this.#awake(this.#scheduler.sleep(this.#scheduler.random.next() * LONGEST_EFFECT_MS));
  }

  /** True where an edge fails by itself (a lost connection, an answer that does not come). */
  fault(name: string, probability: number): boolean {
    return this.#fate.fault(this, name, probability);
  }

  /** To be called at its death: what the operating system does for a process that is gone. */
  onDeath(cleanUp: () => void): void {
    this.#cleanUps.push(cleanUp);
  }

  /** SIGKILL. */
  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const cleanUp of this.#cleanUps.splice(0).reverse()) cleanUp();
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#scheduler.now + ms);
  }

  /** A wait as this process sees it: over when it is awake again, never when it is dead. */
  async #awake(wait: Promise<void>): Promise<void> {
    try {
      await wait;
    } finally {
      while (this.#frozenUntil > this.#scheduler.now && !this.#dead)
        await this.#scheduler.sleep(this.#frozenUntil - this.#scheduler.now);
      if (this.#dead) await never();
    }
  }
}

/** What a dead process waits for. */
export function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
