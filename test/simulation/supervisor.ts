import { setMaxListeners } from "node:events";
import { FinalityViolation } from "../../stream/kafka/gate.ts";
import { type Fate, SimProcess } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** DESIGN §1: a stage that is told to stop is gone within 10 s. */
const STOP_MS = 10_000;
/** A process that fails so often fails for ever. */
const MOST_STARTS = 120;
/** Errors that end a process and that its next start may be rid of. */
const PASSING = ["Fenced", "BrokerUnreachable", "NodesUnreachable", "ProofFailed", "DatabaseUnreachable"];

/** A process ended as none may. */
export class BadEnd extends Error {
  override readonly name = "BadEnd";
}

/** What is left to say when a process's life is over. */
type End = { readonly kind: "killed" | "returned" } | { readonly kind: "failed"; readonly error: Error };

/** Whom processes belong to. */
export interface Household extends Fate {
  /** Whether blocks that are final may leave the chain: then a gate may halt. */
  readonly mayHalt: boolean;
  note(line: string): void;
  /** Ends the run. */
  fail(error: Error): void;
}

/** What a process does, until `stop` aborts. */
export type Life = (process: SimProcess, stop: AbortSignal) => Promise<void>;

/** What ends supervision: as many processes as there are listen to its signal. */
export function endless(): AbortController {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  return over;
}

/** Starts processes, and starts them again whenever they are gone. */
export class Supervisor {
  readonly #scheduler: Scheduler;
  readonly #household: Household;
  readonly #running = new Map<SimProcess, AbortController>();
  /** A gate met a block that contradicts a final one, and none was started since. */
  halted = false;

  constructor(scheduler: Scheduler, household: Household) {
    this.#scheduler = scheduler;
    this.#household = household;
  }

  get running(): readonly SimProcess[] {
    return [...this.#running.keys()];
  }

  /** Tells a process to stop. */
  stop(process: SimProcess): void {
    this.#running.get(process)?.abort();
  }

  /**
   * Starts a process again whenever it is gone, until `over` aborts, which stops it. Resolves when it is gone for good.
   * `once`: a life that ends by itself is not begun anew.
   */
  async supervise(
    name: string,
    life: Life,
    { over, once }: { readonly over: AbortSignal; readonly once: boolean },
  ): Promise<void> {
    for (let starts = 0; !over.aborted; starts += 1) {
      if (starts > MOST_STARTS) return this.#household.fail(new BadEnd(`${name} fails for ever`));
      const process = new SimProcess(name, this.#scheduler, this.#household);
      const stop = new AbortController();
      const stopNow = () => stop.abort();
      over.addEventListener("abort", stopNow);
      this.#running.set(process, stop);
      const end = await this.#live(() => life(process, stop.signal), process, stop.signal);
      over.removeEventListener("abort", stopNow);
      this.#running.delete(process);
      process.kill();
      if (end.kind === "returned" && !stop.signal.aborted && once) return;
      if (!this.#isGoodEnd(end, process, stop.signal)) return;
      if (!over.aborted) await this.#scheduler.sleep(20 + this.#scheduler.random.next() * 1000);
    }
  }

  async #live(life: () => Promise<void>, process: SimProcess, stop: AbortSignal): Promise<End> {
    const killed = new Promise<End>((resolve) => process.onDeath(() => resolve({ kind: "killed" })));
    const lived = life().then(
      (): End => ({ kind: "returned" }),
      (error: Error): End => ({ kind: "failed", error }),
    );
    stop.addEventListener("abort", () => {
      const askedAt = this.#scheduler.now;
      void Promise.race([lived, killed]).then(() => {
        const tookMs = this.#scheduler.now - Math.max(askedAt, process.frozenUntil);
        if (tookMs > STOP_MS) this.#household.fail(new BadEnd(`${process.name} took ${tookMs} ms to stop`));
      });
    });
    return Promise.race([killed, lived]);
  }

  /** Whether the process may be started again. */
  #isGoodEnd(end: End, process: SimProcess, stop: AbortSignal): boolean {
    switch (end.kind) {
      case "killed":
        return true;
      case "returned":
        if (!stop.aborted)
          this.#household.fail(new BadEnd(`${process.name} ended although nobody told it to`));
        return stop.aborted;
      case "failed":
        return this.#isPassing(end.error, process, stop);
    }
  }

  #isPassing(error: Error, process: SimProcess, stop: AbortSignal): boolean {
    this.#household.note(`${process.name} ends by ${error.name}: ${error.message}`);
    if (PASSING.includes(error.name) || (error.name === "AbortError" && stop.aborted)) return true;
    if (error instanceof FinalityViolation && this.#household.mayHalt) this.halted = true;
    else
      this.#household.fail(
        new BadEnd(`${process.name} ended by ${error.name}: ${error.message}`, { cause: error }),
      );
    return false;
  }
}
