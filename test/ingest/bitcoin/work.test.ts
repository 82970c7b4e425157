import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NETWORK_RULES } from "../../../ingest/bitcoin/rules.ts";
import { bitsOf, targetOf } from "../../../ingest/bitcoin/target.ts";
import {
  bitsRequired,
  historyAfter,
  historyLength,
  isTimewarp,
  isTooOld,
  type WorkHistory,
} from "../../../ingest/bitcoin/work.ts";

const { mainnet, testnet3, testnet4, signet, regtest } = NETWORK_RULES;

describe("a target in its compact form", () => {
  it.each([
    [0x01123456, 0x12n],
    [0x02123456, 0x1234n],
    [0x03123456, 0x123456n],
    [0x04123456, 0x12345600n],
    [0x05009234, 0x92340000n],
    [0x1d00ffff, 0xffffn << 208n],
    [0x20123456, 0x123456n << 232n],
  ])("%i stands for %i", (bits, target) => {
    expect(targetOf(bits)).toBe(target);
  });

  it.each([
    0, 0x00123456, 0x01003456, 0x02000056, 0x03000000, 0x04000000, 0x00923456, 0x01803456, 0x04923456,
    0x01fedcba, 0xff123456, 0x22010000, 0x23000001,
  ])("%i is none: zero, negative or too large", (bits) => {
    expect(targetOf(bits)).toBeUndefined();
  });

  it("keeps a target's three highest bytes, and is read back as what it was written", () => {
    expect(bitsOf(0x80n)).toBe(0x02008000);
    expect(bitsOf(0x12n)).toBe(0x01120000);
    expect(bitsOf(0x92340000n)).toBe(0x05009234);
    expect(bitsOf(mainnet.limit)).toBe(0x1d00ffff);
    expect(bitsOf(signet.limit)).toBe(0x1e0377ae);
    expect(bitsOf(regtest.limit)).toBe(0x207fffff);
    const law = fc.property(fc.bigInt({ min: 1n, max: (1n << 256n) - 1n }), (target) => {
      const kept = targetOf(bitsOf(target)) ?? 0n;
      expect(kept <= target && target - kept < target / 2n ** 7n + 1n).toBe(true);
      expect(bitsOf(kept)).toBe(bitsOf(target));
    });
    fc.assert(law);
  });
});

describe("the retarget", () => {
  const at = (firstTime: number, parentTime: number, bits: number): WorkHistory => ({
    parent: { time: parentTime, bits },
    period: { firstTime, firstBits: bits, earnedBits: bits },
    times: [],
  });

  // Main net's own: blocks 32256, 2016, 68544, and a period that took four times as long as it may count.
  it.each([
    [32256, at(1261130161, 1262152739, 0x1d00ffff), 0x1d00d86a],
    [2016, at(1231006505, 1233061996, 0x1d00ffff), 0x1d00ffff],
    [68544, at(1279008237, 1279297671, 0x1c05a3f4), 0x1c0168fd],
    [46368, at(1263163443, 1269211443, 0x1c387f6f), 0x1d00e1fd],
  ])("of block %i", (height, history, bits) => {
    expect(bitsRequired({ height, time: 0 }, history, mainnet)).toBe(bits);
    const between = { height: height + 1, time: 0 };
    expect(bitsRequired(between, history, mainnet)).toBe(history.parent.bits);
  });

  it("starts from the last block's target, and where BIP 94 holds from the first's", () => {
    const history: WorkHistory = {
      parent: { time: 1_209_600, bits: 0x1d00ffff },
      period: { firstTime: 0, firstBits: 0x1c00ffff, earnedBits: 0x1c00ffff },
      times: [],
    };
    expect(bitsRequired({ height: 4032, time: 0 }, history, testnet3)).toBe(0x1d00ffff);
    expect(bitsRequired({ height: 4032, time: 0 }, history, testnet4)).toBe(0x1c00ffff);
  });

  it("is not known without the period's beginning, and never asked for on regtest", () => {
    const history: WorkHistory = { parent: { time: 5, bits: 0x1c00ffff }, period: undefined, times: [] };
    expect(bitsRequired({ height: 4032, time: 9 }, history, mainnet)).toBeUndefined();
    expect(bitsRequired({ height: 4033, time: 9 }, history, mainnet)).toBe(0x1c00ffff);
    expect(bitsRequired({ height: 4033, time: 9 }, history, testnet3)).toBeUndefined();
    expect(bitsRequired({ height: 4033, time: 9 }, history, regtest)).toBeUndefined();
  });

  it("is passed over on test networks after twenty minutes, and what was earned before comes back", () => {
    const limit = 0x1d00ffff;
    let history = historyAfter({ height: 2016, time: 1000, bits: 0x1c00ffff }, undefined, testnet3);
    expect(bitsRequired({ height: 2017, time: 2200 }, history, testnet3)).toBe(0x1c00ffff);
    expect(bitsRequired({ height: 2017, time: 2201 }, history, testnet3)).toBe(limit);
    history = historyAfter({ height: 2017, time: 2201, bits: limit }, history, testnet3);
    history = historyAfter({ height: 2018, time: 4000, bits: limit }, history, testnet3);
    expect(bitsRequired({ height: 2019, time: 4001 }, history, testnet3)).toBe(0x1c00ffff);
    // A period whose first block has the largest target begins with it.
    history = historyAfter({ height: 4032, time: 5000, bits: limit }, history, testnet3);
    expect(bitsRequired({ height: 4033, time: 5001 }, history, testnet3)).toBe(limit);
  });

  it("looks for time warps only where BIP 94 holds, and only at a period's first block", () => {
    const history: WorkHistory = { parent: { time: 10_000, bits: 0x1d00ffff }, period: undefined, times: [] };
    expect(isTimewarp({ height: 4032, time: 9_399 }, history, testnet4)).toBe(true);
    expect(isTimewarp({ height: 4032, time: 9_400 }, history, testnet4)).toBe(false);
    expect(isTimewarp({ height: 4033, time: 9_399 }, history, testnet4)).toBe(false);
    expect(isTimewarp({ height: 4032, time: 9_399 }, history, mainnet)).toBe(false);
  });
});

describe("the median of the times before a block", () => {
  /** After blocks from `firstHeight` on with these times. */
  const historyOf = (times: readonly number[], firstHeight: number): WorkHistory =>
    times.reduce<WorkHistory | undefined>(
      (history, time, index) =>
        historyAfter({ height: firstHeight + index, time, bits: 0x1d00ffff }, history, regtest),
      undefined,
    ) ?? { parent: { time: 0, bits: 0 }, period: undefined, times: [] };

  it("is what its time must exceed, of eleven blocks or all that there are", () => {
    const eleven = historyOf([999, 5, 1, 9, 3, 7, 11, 2, 8, 4, 10, 6], 499);
    expect(isTooOld({ height: 511, time: 6 }, eleven)).toBe(true);
    expect(isTooOld({ height: 511, time: 7 }, eleven)).toBe(false);
    const young = historyOf([10, 20, 15, 30], 0);
    expect(isTooOld({ height: 4, time: 20 }, young)).toBe(true);
    expect(isTooOld({ height: 4, time: 21 }, young)).toBe(false);
    expect(isTooOld({ height: 0, time: 0 }, historyOf([], 0))).toBe(false);
  });

  it("is not known of fewer", () => {
    expect(isTooOld({ height: 511, time: 0 }, historyOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 501))).toBe(false);
  });

  it("takes eleven blocks to know, and a retarget all of its period", () => {
    expect([0, 4, 10, 11, 4_000].map((height) => historyLength(height, regtest))).toEqual([1, 5, 11, 11, 11]);
    expect([0, 2_015, 2_016, 2_030].map((height) => historyLength(height, mainnet))).toEqual([
      1, 2_016, 11, 15,
    ]);
  });
});
