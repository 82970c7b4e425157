import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";

/** What runs on the threads: the `#workers/` module, how many threads (default: as many as the machine runs at once), and what moves to them. */
export interface ThreadOptions<Task> {
  readonly worker: string;
  readonly threads: number | undefined;
  /** Bytes (MB) that young objects of a thread may take; undefined: V8's own. Less of it finds buffers sooner that nobody holds any more. */
  readonly youngMb?: number;
  /** The buffers that move with a task, and are empty here afterwards. */
  readonly buffersOf: (task: Task) => readonly ArrayBuffer[];
}

/** Worker threads for one kind of task. How many tasks wait is the caller's to bound. */
export interface Threads<Task, Outcome> {
  run(task: Task): Promise<Outcome>;
  /** Ends the threads, as soon as they have begun; the tasks that wait reject. */
  close(): Promise<void>;
}

/** How often, and how long, a closing pool looks whether its threads have loaded their modules; that takes them 0.2 s. */
const LOOK_MS = 5;
const LOADING_MS = 3000;

/** Starts the threads. */
export function openThreads<Task, Outcome>(options: ThreadOptions<Task>): Threads<Task, Outcome> {
  const threads = Math.max(1, options.threads ?? availableParallelism());
  const loaded = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** A thread that is ended while it loads its modules, native ones among them, takes the process with it (SIGABRT). */
  const allLoaded = async () => {
    for (let waitedMs = 0; Atomics.load(loaded, 0) < threads && waitedMs < LOADING_MS; waitedMs += LOOK_MS)
      await sleep(LOOK_MS);
  };
  const pool = new Piscina<Task, Outcome>({
    filename: import.meta.resolve(`#workers/${options.worker}`),
    name: "prove",
    workerData: loaded,
    minThreads: threads,
    maxThreads: threads,
    ...(options.youngMb === undefined
      ? {}
      : { resourceLimits: { maxYoungGenerationSizeMb: options.youngMb } }),
  });
  return {
    run: (task) => pool.run(task, { transferList: [...options.buffersOf(task)] }),
    close: () => allLoaded().then(() => pool.destroy()),
  };
}
