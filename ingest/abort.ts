import { setMaxListeners } from "node:events";

/** Waits that hang on one signal: each block under way has a few. Node warns of more than ten. */
const LISTENERS = 256;

/** `work`, or a rejection as soon as `signal` aborts, whatever becomes of the work. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise, reject } = withRejection();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function withRejection(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  return { promise, reject };
}

/** A signal that aborts with its leader, or by itself; `release` ends the bond, so that a long-lived leader does not collect followers. */
export interface Follower {
  readonly signal: AbortSignal;
  abort(): void;
  release(): void;
}

/** Makes a follower of `leader`. */
export function follow(leader: AbortSignal): Follower {
  const controller = new AbortController();
  setMaxListeners(LISTENERS, controller.signal);
  const abort = () => controller.abort(leader.aborted ? leader.reason : undefined);
  if (leader.aborted) abort();
  leader.addEventListener("abort", abort, { once: true });
  return { signal: controller.signal, abort, release: () => leader.removeEventListener("abort", abort) };
}
