import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type ChainBlock, grow, isMainnetSize, isModern, isTraced, simulateChain } from "./chain.ts";
import { startNode } from "./node.ts";
import { story } from "./story.ts";

/**
 * A node as a process of its own: `node dist/test/chain/main.js --port 8545 --blocks 1000`.
 * Prints one line of JSON when it answers, and ends on SIGINT, SIGTERM, or when its parent's IPC channel closes.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** Blocks that are there from the start. */
    blocks: { type: "string", default: "1" },
    start: { type: "string", default: "1000" },
    "start-time": { type: "string" },
    spacing: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    /** `modern`, `traced` or `mainnet-size`. */
    bodies: { type: "string", default: "modern" },
    /** Milliseconds between two heads; without it the chain stands still. */
    "grow-every": { type: "string" },
    /** Grow only once the parent sends a message. */
    wait: { type: "boolean", default: false },
    /** The height after which it grows at `then-every` (default: for ever at `grow-every`). */
    "grow-to": { type: "string" },
    "then-every": { type: "string" },
    "fork-every": { type: "string", default: "5" },
    deepest: { type: "string", default: "4" },
    finalized: { type: "string", default: "64" },
    "no-raw": { type: "boolean", default: false },
  },
});

const BODIES = { modern: isModern, traced: isTraced, "mainnet-size": isMainnetSize };

await main();

async function main(): Promise<void> {
  const kind = values.bodies as keyof typeof BODIES;
  const startTime = values["start-time"];
  const first = simulateChain({
    seed: Number(values.seed),
    start: Number(values.start),
    spacingS: Number(values.spacing),
    bodies: BODIES[kind],
    ...(startTime === undefined ? {} : { startTime: Number(startTime) }),
  });
  const tip = grow(first, Number(values.blocks) - 1);
  const node = await startNode(tip, {
    port: Number(values.port),
    raw: !values["no-raw"],
    finalized: { kind: "depth", depth: Number(values.finalized) },
  });
  const end = new AbortController();
  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.once(event, () => end.abort());
  process.stdout.write(`${JSON.stringify({ url: node.url, wsUrl: node.wsUrl, head: tip.height })}\n`);
  if (values.wait) await once(process, "message", { signal: end.signal }).catch(() => undefined);
  if (values["grow-every"] !== undefined) await tellStory(tip, (head) => node.follow(head), end.signal);
  else await ended(end.signal);
  await node.close();
  process.exit(0);
}

async function tellStory(
  tip: ChainBlock,
  follow: (head: ChainBlock) => void,
  signal: AbortSignal,
): Promise<void> {
  const until = Number(values["grow-to"] ?? Number.POSITIVE_INFINITY);
  const options = { forkEvery: Number(values["fork-every"]), deepest: Number(values.deepest) };
  for (const head of story(tip, options)) {
    if (signal.aborted) return;
    follow(head);
    const pauseMs = Number(head.height < until ? values["grow-every"] : (values["then-every"] ?? 1000));
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
