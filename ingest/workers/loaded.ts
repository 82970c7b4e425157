import { workerData } from "node:worker_threads";

/** Tells the pool (`openThreads`) that this thread has loaded its modules. */
export function noteLoaded(): void {
  Atomics.add(workerData as Int32Array, 0, 1);
}
