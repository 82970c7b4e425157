import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openProgress } from "../../runtime/progress.ts";
import type { BlockHash, ChainName } from "../../stream/block.ts";
import { keptLog } from "../support/stage-bed.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const chain = "ethereum" as ChainName;

/** A stream that keeps what is written to it, as a terminal of 80 columns or as none. */
function fakeStream(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns: 80 }), text: () => written.join("") };
}

/** A display on which a chain has come from 100 to 300 within four seconds, 1000 blocks below where it ends. */
async function backfill(isTTY: boolean) {
  const { stream, text } = fakeStream(isTTY);
  const { log, lines } = keptLog();
  const display = openProgress(new Map([[chain, 1300]]), log, stream);
  const announce = (height: number) =>
    display.report({
      chain,
      event: { kind: "announced", block: { height, hash: "0x01" as BlockHash }, nodeHead: 9000 },
    });
  for (const second of [0, 1, 2, 3, 4]) {
    announce(100 + 50 * second);
    await vi.advanceTimersByTimeAsync(1000);
  }
  return { announce, close: () => display.close(), text, lines };
}

test("a terminal has a bar for the chain, until it follows its head", async () => {
  const { announce, close, text, lines } = await backfill(true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(text()).toMatch(/ethereum [^ ]+ 300\/1300 {2}50\.0 blocks\/s {2}20 s left/);
  announce(1290);
  await vi.advanceTimersByTimeAsync(1000);
  const shown = text().length;
  announce(1291);
  await vi.advanceTimersByTimeAsync(1000);
  expect(text().slice(shown)).not.toContain("ethereum");
  close();
  expect(lines).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("elsewhere there is a line every five seconds, until the chain follows its head", async () => {
  const { announce, close, text, lines } = await backfill(false);
  expect(lines).toMatchObject([
    { msg: "backfill", chain, height: 300, target: 1300, blocksPerS: 50, etaS: 20 },
  ]);
  announce(1290);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lines).toHaveLength(1);
  close();
  expect(text()).toBe("");
  expect(vi.getTimerCount()).toBe(0);
});
