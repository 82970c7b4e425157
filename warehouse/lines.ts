import { createHash } from "node:crypto";

/** What a store holds: how many rows, and the SHA-256 over their canonical lines in key order, a newline after each. */
export interface Holding {
  readonly rows: number;
  readonly digest: string;
}

/** Two stores side by side. */
export interface Comparison {
  readonly postgres: Holding;
  readonly parquet: Holding;
  /** The first place where they part; a side is undefined where it has ended. */
  readonly difference: Difference | undefined;
}

/** The rows, in key order, at which two stores part. */
interface Difference {
  readonly postgres: string | undefined;
  readonly parquet: string | undefined;
}

/** Compares canonical lines as they come: memory does not grow with the rows. */
export async function compareLines(
  postgres: AsyncIterable<string>,
  parquet: AsyncIterable<string>,
): Promise<Comparison> {
  const [left, right] = [new Tally(postgres), new Tally(parquet)];
  let difference: Difference | undefined;
  for (;;) {
    const pair = { postgres: await left.next(), parquet: await right.next() };
    if (pair.postgres === undefined && pair.parquet === undefined) break;
    if (pair.postgres !== pair.parquet) difference ??= pair;
  }
  return { postgres: left.holding(), parquet: right.holding(), difference };
}

/** The holding of lines that are there already. */
export function holdingOf(lines: readonly string[]): Holding {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  return { rows: lines.length, digest: hash.digest("hex") };
}

class Tally {
  readonly #lines: AsyncIterator<string>;
  readonly #hash = createHash("sha256");
  #rows = 0;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async next(): Promise<string | undefined> {
    const step = await this.#lines.next();
    if (step.done === true) return undefined;
    this.#rows += 1;
    this.#hash.update(`${step.value}\n`);
    return step.value;
  }

  holding(): Holding {
    return { rows: this.#rows, digest: this.#hash.digest("hex") };
  }
}
