import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type ChainBlock, fork, grow, isSmall, simulateBitcoin } from "./chain.ts";
import { startBitcoinNode } from "./node.ts";

/**
 * A Bitcoin node as a process of its own: `node dist/test/chain/bitcoin/main.js --port 18443 --blocks 200`.
 * Prints one line of JSON when it answers, and ends on SIGINT, SIGTERM, or when its parent's IPC channel closes.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** Blocks that are there from the start. */
    blocks: { type: "string", default: "1" },
    start: { type: "string", default: "1" },
    "start-time": { type: "string" },
    spacing: { type: "string", default: "600" },
    jitter: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    /** `small`, `all`, or `mainnet-size`: some 3,000 transactions a block. */
    bodies: { type: "string", default: "all" },
    /** Milliseconds between two heads; without it the chain stands still. */
    "grow-every": { type: "string" },
    /** Grow only once the parent sends a message. */
    wait: { type: "boolean", default: false },
    /** The height after which it grows at `then-every` (default: for ever at `grow-every`). */
    "grow-to": { type: "string" },
    "then-every": { type: "string" },
    "fork-every": { type: "string", default: "5" },
    deepest: { type: "string", default: "4" },
    "no-rest": { type: "boolean", default: false },
  },
});

await main();

async function main(): Promise<void> {
  const startTime = values["start-time"];
  const first = simulateBitcoin({
    seed: Number(values.seed),
    start: Number(values.start),
    spacingS: Number(values.spacing),
    jitterS: Number(values.jitter),
    bodies: values.bodies === "small" ? isSmall : () => true,
    blend: values.bodies === "mainnet-size" ? Number.POSITIVE_INFINITY : 1,
    ...(startTime === undefined ? {} : { startTime: Number(startTime) }),
  });
  const tip = grow(first, Number(values.blocks) - 1);
  const node = await startBitcoinNode(tip, { port: Number(values.port), rest: !values["no-rest"] });
  const end = new AbortController();
  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.once(event, () => end.abort());
  process.stdout.write(`${JSON.stringify({ url: node.url, head: tip.height })}\n`);
  if (values.wait) await once(process, "message", { signal: end.signal }).catch(() => undefined);
  if (values["grow-every"] !== undefined) await tellStory(tip, (head) => node.follow(head), end.signal);
  else await ended(end.signal);
  await node.close();
  process.exit(0);
}

/** Mostly one more block; every `fork-every` blocks a rival branch that is one block longer. */
async function tellStory(
  tip: ChainBlock,
  follow: (head: ChainBlock) => void,
  signal: AbortSignal,
): Promise<void> {
  const until = Number(values["grow-to"] ?? Number.POSITIVE_INFINITY);
  let head = tip;
  for (let step = 1, forks = 0; !signal.aborted; step += 1) {
    const depth = 1 + (forks % Number(values.deepest));
    if (step % (Number(values["fork-every"]) + depth) === 0) {
      forks += 1;
      head = fork(head, depth, `fork ${forks}`);
    } else head = grow(head, 1);
    follow(head);
    const pauseMs = Number(head.height < until ? values["grow-every"] : (values["then-every"] ?? 1000));
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
