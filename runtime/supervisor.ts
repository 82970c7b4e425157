import type { ChainName } from "../stream/block.ts";
import { EXIT } from "./exit.ts";
import { type ChainStage, type StageSpec, SupervisedStage, type SupervisorEdge } from "./supervised-stage.ts";
import type { Untils } from "./until.ts";

/**
 * Runs all stages: restarts one that crashed; when one ends with a code that no restart cures, its chain is stopped
 * (what is final already still drains into the stores, as far as it can) and the other chains go on.
 * Resolves when nothing is left to run, with the code of the first stage that was given up, else 0.
 * `untils` is where each chain ends by itself, where it does.
 */
export function supervise(
  specs: readonly StageSpec[],
  untils: Untils,
  edge: SupervisorEdge,
): Promise<number> {
  return new Supervision(specs, untils, edge).untilEnd();
}

class Supervision {
  readonly #stages: readonly SupervisedStage[];
  readonly #edge: SupervisorEdge;
  readonly #givenUp: number[] = [];
  /** Where each chain ends, where it does: as it was asked to, or earlier since a stage of it is gone. */
  readonly #ends: Map<ChainName, number>;

  constructor(specs: readonly StageSpec[], untils: Untils, edge: SupervisorEdge) {
    this.#stages = specs.map((spec) => new SupervisedStage(spec, untils, edge));
    this.#ends = new Map(untils);
    this.#edge = edge;
  }

  async untilEnd(): Promise<number> {
    const extras = this.#start("extra");
    await Promise.all([...this.#start("source"), ...this.#start("processor")]);
    await Promise.all(this.#ofRole("extra").map((stage) => stage.stop()));
    await Promise.all(extras);
    return this.#givenUp[0] ?? EXIT.done;
  }

  #ofRole(role: StageSpec["role"]): readonly SupervisedStage[] {
    return this.#stages.filter((stage) => stage.spec.role === role);
  }

  #start(role: StageSpec["role"]): readonly Promise<void>[] {
    return this.#ofRole(role).map((stage) => this.#run(stage));
  }

  async #run(stage: SupervisedStage): Promise<void> {
    const { spec } = stage;
    const code = await stage.run();
    if (code === EXIT.done || this.#edge.signal.aborted) return;
    this.#givenUp.push(code);
    this.#edge.log.error(
      { failed: spec.name, code },
      "stage given up: mend what its last error names, then start again",
    );
    if (spec.role !== "extra") await this.#endChain(spec);
  }

  /** Nothing new becomes final, and what is final goes as far as it can without the stage that is gone. */
  async #endChain(gone: ChainStage): Promise<void> {
    const { chain } = gone;
    const of = (role: ChainStage["role"]) =>
      this.#ofRole(role).filter(({ spec }) => spec.role !== "extra" && spec.chain === chain);
    await Promise.all(of("source").map((stage) => stage.stop()));
    const left = await this.#edge.heightOf(chain, gone.leaves).catch(() => undefined);
    const end = left === undefined ? undefined : Math.min(left, this.#ends.get(chain) ?? left);
    if (end !== undefined) this.#ends.set(chain, end);
    await Promise.all(of("processor").map((stage) => stage.endAt(end)));
  }
}
