import { type Random, seeded } from "./random.ts";

/** So many events run between two looks of Node's own loop: without any, a worker could not be told to stop. */
const EVENTS_A_BREATH = 500;

/** Beyond this a run goes in circles: the longest real one takes a tenth of it. */
const MOST_EVENTS = 100_000;

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The run does not come to an end. */
export class Endless extends Error {
  override readonly name = "Endless";
  constructor(atMs: number) {
    super(`the run was not over after ${MOST_EVENTS} events, at ${Math.round(atMs)} ms`);
  }
}

/**
 * Virtual time. Whatever waits, waits here; an event runs when all that could go on without waiting has done so, the
 * earliest first. So one seed gives one run, however busy the machine is.
 */
export class Scheduler {
  readonly random: Random;
  readonly #queue: Event[] = [];
  #now = 0;
  #count = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** How many events were planned so far. */
  get events(): number {
    return this.#count;
  }

  /** Calls `run` after `ms`. */
  after(ms: number, run: () => void): void {
    this.#count += 1;
    push(this.#queue, { at: this.#now + Math.max(0, ms), order: this.#count, run });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs events until `main` has settled, and settles as it does. Throws `Endless`. */
  async drive<T>(main: Promise<T>): Promise<T> {
    let over = false;
    const ended = () => {
      over = true;
    };
    main.then(ended, ended);
    for (;;) {
      await settled();
      if (over) return main;
      const event = pop(this.#queue);
      if (event === undefined) throw new Error("nothing is left that could happen, and the run is not over");
      if (this.#count > MOST_EVENTS) throw new Endless(this.#now);
      this.#now = event.at;
      event.run();
      if (event.order % EVENTS_A_BREATH === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Sleeps; rejects with `signal`'s reason as soon as it aborts. */
export function abortableSleep(scheduler: Scheduler, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal === undefined) return scheduler.sleep(ms);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    scheduler.after(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

/** Resolves when no promise has anything left to do: a tick that is planned in a microtask runs when none is left. */
function settled(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Adds to a binary heap. */
function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] as Event;
    if (!isBefore(event, parent)) break;
    heap[at] = parent;
    heap[above] = event;
    at = above;
  }
}

/** Takes the earliest out of a binary heap. */
function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Event, heap[below] as Event)) below += 1;
    const child = heap[below];
    if (child === undefined || !isBefore(child, last)) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
  return first;
}
