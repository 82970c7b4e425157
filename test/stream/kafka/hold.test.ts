import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { BlockHeader } from "../../../stream/block.ts";
import type { FinalityPolicy } from "../../../stream/finality.ts";
import { Fenced } from "../../../stream/kafka/errors.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import { grow, root } from "../../support/blocks.ts";
import { type Effect, MemoryCluster } from "../../support/memory-broker.ts";
import { type BedOptions, rawRecord, stageContext, TOPICS } from "../../support/stage-bed.ts";

const GROUP = "gate-story";
const TWO: FinalityPolicy = { kind: "confirmations", confirmations: 2 };
const genesis = root();
const chain = [genesis, ...grow(genesis, 20, "a")];

function announce(cluster: MemoryCluster, ...blocks: readonly BlockHeader[]): void {
  for (const block of blocks) cluster.append(rawRecord(block));
}

/** A gate at work; `stop` is its SIGTERM, `kill` its `kill -9`. */
function start(cluster: MemoryCluster, options: BedOptions & { onEffect?: (effect: Effect) => void } = {}) {
  const stopping = new AbortController();
  const broker = cluster.connect(options.onEffect);
  const ended = runGate(stageContext(broker, { signal: stopping.signal, ...options }), TWO).then(
    () => "returned" as const,
    (error: Error) => error,
  );
  return { ended, stop: () => stopping.abort(), kill: () => broker.kill() };
}

const finalHashes = (cluster: MemoryCluster) => cluster.records(TOPICS.final).map((record) => record.key);
const hashes = (blocks: readonly BlockHeader[]) => blocks.map((block) => block.hash);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

describe("who works", () => {
  test("a second copy waits, and takes over when the first is killed", async () => {
    const cluster = new MemoryCluster();
    announce(cluster, ...chain.slice(0, 6));
    const first = start(cluster);
    await until(() => finalHashes(cluster).length === 5);
    const fences: Effect[] = [];
    const second = start(cluster, { onEffect: (effect) => effect.kind === "fenced" && fences.push(effect) });
    announce(cluster, ...chain.slice(6, 10));
    await until(() => finalHashes(cluster).length === 9);
    expect(fences).toEqual([]);
    first.kill();
    announce(cluster, ...chain.slice(10));
    await until(() => finalHashes(cluster).length === 20);
    expect(fences).toEqual([{ kind: "fenced", id: GROUP }]);
    second.stop();
    expect(await second.ended).toBe("returned");
    expect(await first.ended).toBeInstanceOf(Fenced);
    expect(finalHashes(cluster)).toEqual(hashes(chain.slice(0, 20)));
  });

  test("a copy whose session expired stops as fenced", async () => {
    const cluster = new MemoryCluster();
    announce(cluster, ...chain.slice(0, 6));
    const zombie = start(cluster);
    await until(() => finalHashes(cluster).length === 5);
    cluster.group(GROUP).expire();
    expect(await zombie.ended).toEqual(new Fenced(GROUP));
  });

  test("a copy that was fenced in the middle of a transaction leaves nothing of it", async () => {
    const cluster = new MemoryCluster();
    announce(cluster, ...chain.slice(0, 6));
    const rival = (effect: Effect) => {
      if (effect.kind === "produced") cluster.fence(GROUP);
    };
    expect(await start(cluster, { onEffect: rival }).ended).toBeInstanceOf(Fenced);
    expect(finalHashes(cluster)).toEqual([]);
  });

  test("a standby with --until is done when the other copy was", async () => {
    const cluster = new MemoryCluster();
    const first = start(cluster, { until: 3 });
    const second = start(cluster, { until: 3 });
    announce(cluster, ...chain);
    expect(await Promise.all([first.ended, second.ended])).toEqual(["returned", "returned"]);
    expect(finalHashes(cluster)).toEqual(hashes(chain.slice(0, 4)));
  });
});

describe("the end", () => {
  test("a stop while working and while waiting returns, and leaves the group to the next", async () => {
    const cluster = new MemoryCluster();
    announce(cluster, ...chain);
    const first = start(cluster);
    const second = start(cluster);
    await until(() => finalHashes(cluster).length === 20);
    second.stop();
    expect(await second.ended).toBe("returned");
    first.stop();
    expect(await first.ended).toBe("returned");
    const third = start(cluster, { until: 5 });
    expect(await third.ended).toBe("returned");
  });

  test("a stop before the start does nothing", async () => {
    const cluster = new MemoryCluster();
    announce(cluster, ...chain);
    const effects: Effect[] = [];
    const run = start(cluster, { signal: AbortSignal.abort(), onEffect: (effect) => effects.push(effect) });
    expect(await run.ended).toBe("returned");
    expect(effects).toEqual([]);
  });
});

test("what one announcement releases is split into transactions of bounded size", async () => {
  const cluster = new MemoryCluster();
  const size = 6 * 1024 * 1024;
  const big = (block: BlockHeader) => ({ ...rawRecord(block), value: Buffer.alloc(size, block.height) });
  const many = chain.slice(0, 10);
  cluster.append(...many.map(big));
  cluster.append({
    ...big(chain[10] as BlockHeader),
    headers: { ...rawRecord(chain[10] as BlockHeader, chain[9]).headers },
  });
  let commits = 0;
  const stopping = new AbortController();
  const broker = cluster.connect((effect) => {
    if (effect.kind === "committed") commits += 1;
    if (effect.kind === "read" && effect.topic === TOPICS.raw && effect.records === 0) stopping.abort();
  });
  await runGate(stageContext(broker, { signal: stopping.signal }), { kind: "tag", tag: "finalized" });
  expect(cluster.records(TOPICS.final).map(({ value }) => [value?.byteLength, value?.[0]])).toEqual(
    many.map(({ height }) => [size, height]),
  );
  // The release of ten goes in threes, 18 MiB each, and the last one; no offset comes before the first output.
  expect(commits).toBe(4);
});
