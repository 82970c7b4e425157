import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { ChainName } from "../stream/block.ts";
import type { StageProcess } from "./child.ts";
import { EXIT, isVerdict } from "./exit.ts";
import type { Untils } from "./until.ts";

/** Crashes in a row, none of them after a quiet minute, after which a stage is given up: a restart does not cure it. */
const CRASH_LIMIT = 8;
const QUIET_MS = 60_000;

/**
 * A stage of a chain. When a stage of a chain is given up, the chain's `source` stages (which make new final blocks) are stopped,
 * and its `processor` stages end once they have all that they can still get: what the one that is gone `leaves` to those behind it.
 */
export interface ChainStage {
  readonly role: "source" | "processor";
  readonly name: string;
  readonly args: readonly string[];
  readonly chain: ChainName;
  readonly leaves: Passage;
}

/** A stage that runs beside: nothing waits for it, and no chain stops with it. */
interface ExtraStage {
  readonly role: "extra";
  readonly name: string;
  readonly args: readonly string[];
}

/** A stage of a run. */
export type StageSpec = ChainStage | ExtraStage;

/** Where a chain's blocks pass from stage to stage: as released blocks, as flows, as hours. */
export type Passage = "final" | "flows" | "hours";

/** What the supervisor needs of the world. */
export interface SupervisorEdge {
  start(args: readonly string[]): StageProcess;
  /** The height of the last block of a chain that is through there; undefined: none is. */
  heightOf(chain: ChainName, passage: Passage): Promise<number | undefined>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** How long to wait before a stage that crashed is started again, doubled each time up to the longest. */
  readonly backoffMs: { readonly first: number; readonly longest: number };
}

/** One stage under supervision: started again when it crashes, until it is done, stopped or given up. */
export class SupervisedStage {
  readonly spec: StageSpec;
  readonly #edge: SupervisorEdge;
  #until: number | undefined;
  #process: StageProcess | undefined;
  #stopped = false;
  #redirected = false;

  constructor(spec: StageSpec, untils: Untils, edge: SupervisorEdge) {
    this.spec = spec;
    this.#until = spec.role === "extra" ? undefined : untils.get(spec.chain);
    this.#edge = edge;
  }

  /** Runs until the end; resolves with 0 when it is done or was stopped, else with the code that no restart cures. */
  async run(): Promise<number> {
    let crashes = 0;
    while (!this.#isOver()) {
      const startedAt = performance.now();
      this.#redirected = false;
      const code = await this.#runOnce();
      if (this.#redirected) continue;
      if (this.#isOver() || (code === EXIT.done && this.#mayEnd())) return EXIT.done;
      if (isVerdict(code)) return code;
      crashes = performance.now() - startedAt > QUIET_MS ? 1 : crashes + 1;
      if (crashes >= CRASH_LIMIT) return EXIT.bug;
      await this.#backOff(crashes, code);
    }
    return EXIT.done;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#process?.stop();
  }

  /** Starts the stage again so that it ends once this height is through; without any it just stops. */
  async endAt(height: number | undefined): Promise<void> {
    if (height === undefined) return this.stop();
    if (height === this.#until) return;
    this.#until = height;
    this.#redirected = true;
    await this.#process?.stop();
  }

  /** Without a height to end at, a stage that ended in order was told so by somebody else: a signal from outside. */
  #mayEnd(): boolean {
    return this.#until !== undefined;
  }

  #isOver(): boolean {
    return this.#stopped || this.#edge.signal.aborted;
  }

  #args(): readonly string[] {
    const { spec } = this;
    if (spec.role === "extra" || this.#until === undefined) return spec.args;
    return [...spec.args, "--until", `${spec.chain}=${this.#until}`];
  }

  async #runOnce(): Promise<number> {
    const process = this.#edge.start(this.#args());
    this.#process = process;
    const stop = () => void process.stop();
    this.#edge.signal.addEventListener("abort", stop, { once: true });
    const code = await process.ended;
    this.#edge.signal.removeEventListener("abort", stop);
    return code;
  }

  async #backOff(crashes: number, code: number): Promise<void> {
    const { first, longest } = this.#edge.backoffMs;
    const waitMs = Math.min(longest, first * 2 ** (crashes - 1));
    this.#edge.log.warn({ failed: this.spec.name, code, waitMs }, "stage crashed: restarting it");
    await sleep(waitMs, undefined, { signal: this.#edge.signal }).catch(() => undefined);
  }
}
