import { follow } from "./abort.ts";

/** How much of the work on a line may be under way. */
export interface LineLimits {
  /** Works under way at once. */
  readonly underWay: number;
  /** Bytes of results that wait to be taken, those under way counted as the largest result so far. */
  readonly bytes: number;
  /** So many at the front are waited for before any is given out, where so many are on the line. */
  readonly leastItems: number;
  /** The most that is given out at once. */
  readonly batchItems: number;
  readonly batchBytes: number;
}

type Outcome<Result> =
  | { readonly result: Result | undefined; readonly size: number }
  | { readonly error: unknown };

interface Slot<Result> {
  readonly settled: Promise<void>;
  outcome: Outcome<Result> | undefined;
}

/**
 * Works on `items` at once and gives the results out in the items' order, as many together as are there, and at least `leastItems` while there is that much to do.
 * Ends before the first item whose work came to nothing (undefined); throws the first item's error, after giving out all before it.
 */
export async function* workInOrder<Item, Result extends { readonly value: Uint8Array }>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Result | undefined>,
  limits: LineLimits,
  signal: AbortSignal,
): AsyncGenerator<readonly Result[], void> {
  const leaving = follow(signal);
  const line = startLine(items, (item) => work(item, leaving.signal), limits);
  try {
    for (;;) {
      if (line.slots.length === 0) return;
      await frontOf(line.slots, limits.leastItems);
      const batch = line.take();
      if (batch.length === 0) return;
      yield batch;
    }
  } finally {
    leaving.abort();
    leaving.release();
  }
}

/** Resolves when the first `count`, or all that there are, have a result; at once before one that came to nothing or to an error. */
async function frontOf<Result>(slots: readonly Slot<Result>[], count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const slot = slots[at];
    if (slot === undefined) return;
    await slot.settled;
    const { outcome } = slot;
    if (outcome === undefined || "error" in outcome || outcome.result === undefined) return;
  }
}

/** Starts work as the limits allow; `take` gives the finished results from the front. */
function startLine<Item, Result extends { readonly value: Uint8Array }>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result | undefined>,
  limits: LineLimits,
) {
  const slots: Slot<Result>[] = [];
  let started = 0;
  let underWay = 0;
  let heldBytes = 0;
  let largest = 0;
  const pump = () => {
    for (let item = items[started]; item !== undefined && hasRoom(); item = items[started]) {
      started += 1;
      underWay += 1;
      slots.push(start(item));
    }
  };
  const hasRoom = () =>
    slots.length === 0 ||
    (underWay < limits.underWay && heldBytes + (underWay + 1) * largest <= limits.bytes);
  const start = (item: Item): Slot<Result> => {
    const slot: Slot<Result> = {
      outcome: undefined,
      settled: work(item).then(
        (result) => settle(slot, { result, size: result?.value.length ?? 0 }),
        (error: unknown) => settle(slot, { error }),
      ),
    };
    return slot;
  };
  const settle = (slot: Slot<Result>, outcome: Outcome<Result>) => {
    slot.outcome = outcome;
    underWay -= 1;
    if ("size" in outcome) {
      heldBytes += outcome.size;
      largest = Math.max(largest, outcome.size);
    }
    pump();
  };
  const take = (): readonly Result[] => {
    const batch = batchOf(slots, limits);
    slots.splice(0, batch.length);
    for (const { value } of batch) heldBytes -= value.length;
    pump();
    return batch;
  };
  pump();
  return { slots, take };
}

/** The finished results from the front, as many as may be given out together. Throws the first item's error. */
function batchOf<Result>(slots: readonly Slot<Result>[], limits: LineLimits): readonly Result[] {
  const batch: Result[] = [];
  let bytes = 0;
  for (const { outcome } of slots) {
    if (outcome === undefined || batch.length >= limits.batchItems) break;
    if ("error" in outcome) {
      if (batch.length === 0) throw outcome.error;
      break;
    }
    bytes += outcome.size;
    if (outcome.result === undefined || (batch.length > 0 && bytes > limits.batchBytes)) break;
    batch.push(outcome.result);
  }
  return batch;
}
