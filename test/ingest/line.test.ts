import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LineLimits, workInOrder } from "../../ingest/line.ts";

const LIMITS: LineLimits = { underWay: 4, bytes: 1_000, leastItems: 2, batchItems: 5, batchBytes: 300 };
const NEVER = new AbortController().signal;

interface Job {
  readonly id: number;
  readonly turns: number;
  readonly size: number;
}

const jobs = fc
  .array(fc.record({ turns: fc.nat({ max: 6 }), size: fc.integer({ min: 1, max: 400 }) }), { maxLength: 40 })
  .map((list): readonly Job[] => list.map((job, id) => ({ id, ...job })));

async function work(job: Job): Promise<{ id: number; value: Uint8Array }> {
  for (let turn = 0; turn < job.turns; turn += 1) await Promise.resolve();
  return { id: job.id, value: new Uint8Array(job.size) };
}

describe("workInOrder", () => {
  it("gives everything out once and in order, within its limits", async () => {
    await fc.assert(
      fc.asyncProperty(jobs, async (list) => {
        let underWay = 0;
        let most = 0;
        const counted = async (job: Job) => {
          underWay += 1;
          most = Math.max(most, underWay);
          const result = await work(job);
          underWay -= 1;
          return result;
        };
        const ids: number[] = [];
        for await (const batch of workInOrder(list, counted, LIMITS, NEVER)) {
          expect(batch.length).toBeLessThanOrEqual(LIMITS.batchItems);
          const bytes = batch.reduce((sum, result) => sum + result.value.length, 0);
          expect(batch.length === 1 || bytes <= LIMITS.batchBytes).toBe(true);
          ids.push(...batch.map((result) => result.id));
        }
        expect(ids).toEqual(list.map((job) => job.id));
        expect(most).toBeLessThanOrEqual(LIMITS.underWay);
      }),
    );
  });

  it("holds no more bytes than it may while nobody takes them", async () => {
    let started = 0;
    const list = Array.from({ length: 50 }, (_, id) => ({ id, turns: 0, size: 300 }));
    const counted = (job: Job) => {
      started += 1;
      return work(job);
    };
    const line = workInOrder(list, counted, LIMITS, NEVER);
    await line.next();
    await sleep(20);
    expect(started).toBeLessThanOrEqual(1 + LIMITS.underWay);
    await line.return();
  });

  it("gives out what stands before an error, then throws it", async () => {
    const list = [0, 1, 2, 3, 4].map((id) => ({ id, turns: 4 - id, size: 10 }));
    const failing = async (job: Job) => {
      if (job.id === 3) throw new Error("three");
      return work(job);
    };
    const ids: number[] = [];
    const all = async () => {
      for await (const batch of workInOrder(list, failing, LIMITS, NEVER))
        ids.push(...batch.map(({ id }) => id));
    };
    await expect(all()).rejects.toThrow("three");
    expect(ids).toEqual([0, 1, 2]);
  });

  it("gives out at least so many together while there is that much to do", async () => {
    const list = [0, 1, 2, 3, 4].map((id) => ({ id, turns: 10 * id, size: 10 }));
    const batches: number[] = [];
    for await (const batch of workInOrder(list, work, LIMITS, NEVER)) batches.push(batch.length);
    expect(batches).toEqual([2, 2, 1]);
  });

  it("ends before work that came to nothing, and stops what is under way", async () => {
    const list = [0, 1, 2, 3, 4].map((id) => ({ id, turns: 0, size: 10 }));
    const stopped: number[] = [];
    const some = async (job: Job, signal: AbortSignal) => {
      if (job.id === 2) return undefined;
      if (job.id < 2) return work(job);
      await sleep(10_000, undefined, { signal }).catch(() => stopped.push(job.id));
      return work(job);
    };
    const ids: number[] = [];
    for await (const batch of workInOrder(list, some, LIMITS, NEVER)) ids.push(...batch.map(({ id }) => id));
    expect(ids).toEqual([0, 1]);
    await expect.poll(() => stopped).toEqual([3, 4]);
  });
});
