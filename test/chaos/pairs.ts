import type { ChainName } from "../../stream/block.ts";
import { Copy, type CopyEdge, type CopyEnd } from "./copy.ts";
import type { Watch } from "./watch.ts";

/** Two of each: one works, the other stands by. */
const COPIES = 2;
/** A copy that has waited in its group for so long is a standby: joining a group takes less than half of it. */
const SETTLED_MS = 1000;

const CHAIN_STAGES = ["ingest", "gate", "flows", "aggregate"];
const STORES = ["postgres", "parquet"];

/** All stages of these chains, by the words of their commands. */
function stagesOf(chains: readonly ChainName[]): readonly string[] {
  return chains.flatMap((chain) => [
    ...CHAIN_STAGES.map((stage) => `${stage} ${chain}`),
    ...STORES.map((store) => `warehouse ${store} --chain ${chain}`),
  ]);
}

/** The consumer group that decides who works for a stage. */
function groupOf(stage: string): string {
  const words = stage.split(" ");
  return words[0] === "warehouse" ? `${words[1]}-${words[3]}` : words.join("-");
}

/** How a copy may end by itself: another works in its place; a server stayed away for longer than its patience, or took a commit's answer along. */
export type GoodEnd = "fenced" | "gave up";

/** What `end` is good for; undefined: it must not be. */
export function goodEnd({ code, lastWords }: CopyEnd): GoodEnd | undefined {
  if (code === 1 && lastWords.includes("a newer copy took over")) return "fenced";
  return code === 4 || (code === 1 && lastWords.includes("is in doubt")) ? "gave up" : undefined;
}

/** All copies of all stages. */
export class Pairs {
  readonly stages: readonly string[];
  readonly #copies: ReadonlyMap<string, readonly Copy[]>;
  readonly #watch: Watch;
  readonly #leftAt = new Map<Copy, number>();

  constructor(chains: readonly ChainName[], watch: Watch, edge: CopyEdge) {
    this.stages = stagesOf(chains);
    this.#watch = watch;
    this.#copies = new Map(
      this.stages.map((stage) => [
        stage,
        Array.from({ length: COPIES }, (_, index) => new Copy(stage, index + 1, edge)),
      ]),
    );
  }

  get groups(): readonly string[] {
    return this.stages.map(groupOf);
  }

  copiesOf(stage: string): readonly Copy[] {
    return this.#copies.get(stage) ?? [];
  }

  /** Whether one copy of the stage works and the other has stood by for `forMs`, so that it can be struck. */
  isReady(stage: string, forMs = SETTLED_MS): boolean {
    const settled = this.copiesOf(stage).every(
      (copy) => !copy.isFrozen && this.#watch.isSettled(copy, forMs),
    );
    return settled && this.#watch.ownerOf(groupOf(stage)) !== undefined;
  }

  /** The copy that works for the stage, or the other one. */
  pick(stage: string, role: "worker" | "standby"): Copy | undefined {
    const worker = this.#watch.ownerOf(groupOf(stage))?.copy;
    return role === "worker" ? worker : this.copiesOf(stage).find((copy) => copy !== worker);
  }

  /** The group for which this copy works; undefined: it stands by. */
  groupOwnedBy(copy: Copy): string | undefined {
    const group = groupOf(copy.stage);
    return this.#watch.ownerOf(group)?.copy === copy ? group : undefined;
  }

  /** The copy ended by itself. */
  noteLeft(copy: Copy): void {
    this.#leftAt.set(copy, performance.now());
  }

  hasLeft(copy: Copy, since: number): boolean {
    return (this.#leftAt.get(copy) ?? 0) > since;
  }

  /** SIGTERM to all; resolves with those that did not end with 0, in words. */
  async stop(): Promise<readonly string[]> {
    const all = [...this.#copies.values()].flat();
    const codes = await Promise.all(all.map((copy) => copy.stop()));
    return all.flatMap(({ stage, number }, index) =>
      codes[index] === 0 ? [] : [`${stage} ${number} ended with ${codes[index]} when it was told to stop`],
    );
  }
}
