/** How far back the rate looks: long enough to be steady, short enough to show a change. */
const WINDOW_MS = 20_000;
/** Closer than this to its target a chain is no backfill: it follows its head. */
const FOLLOWING_BLOCKS = 32;

/** Where a backfill stands. `etaS` is null while there is no rate yet. */
export interface PaceView {
  readonly height: number;
  readonly target: number;
  readonly blocksPerS: number;
  readonly etaS: number | null;
}

/** How fast heights come, from when they came. Times in milliseconds of any clock that only goes forward. */
export class Pace {
  readonly #seen: { readonly height: number; readonly atMs: number }[] = [];
  #target = 0;

  add(height: number, target: number, atMs: number): void {
    this.#target = target;
    this.#seen.push({ height, atMs });
    while ((this.#seen[0]?.atMs ?? atMs) < atMs - WINDOW_MS) this.#seen.shift();
  }

  /** Undefined when nothing came yet, or when the chain just follows its head. */
  view(): PaceView | undefined {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const left = this.#target - last.height;
    if (left < FOLLOWING_BLOCKS) return undefined;
    const elapsedS = (last.atMs - first.atMs) / 1000;
    const blocksPerS = elapsedS === 0 ? 0 : Math.max(0, last.height - first.height) / elapsedS;
    const etaS = blocksPerS === 0 ? null : Math.ceil(left / blocksPerS);
    return { height: last.height, target: this.#target, blocksPerS, etaS };
  }
}
