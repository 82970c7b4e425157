import { expect, it } from "vitest";
import { openSlots } from "../../ingest/slots.ts";

const NEVER = new AbortController().signal;

it("lets so many work at once, the others in their order, also after one failed or left", async () => {
  const slots = openSlots(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const leaving = new AbortController();
  const work = (id: number, signal = NEVER) =>
    slots.hold(async () => {
      started.push(id);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (id === 1) throw new Error("failed");
      return id;
    }, signal);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const works = [work(0), work(1), work(2, leaving.signal), work(3), work(4)];
  const settled = Promise.allSettled(works);
  await turn();
  expect(started).toEqual([0, 1]);
  leaving.abort(new Error("left"));
  ends[1]?.();
  await turn();
  expect(started).toEqual([0, 1, 3]);
  ends[0]?.();
  await turn();
  expect(started).toEqual([0, 1, 3, 4]);
  for (const end of ends) end();
  expect((await settled).map((one) => (one.status === "fulfilled" ? one.value : one.reason.message))).toEqual(
    [0, "failed", "left", 3, 4],
  );
});
