import { describe, expect, it } from "vitest";
import { blobForksOf, fractionAt } from "../../../ingest/ethereum/blob-schedule.ts";
import { headerOf, quantity } from "../../../ingest/ethereum/rpc.ts";

describe("headerOf", () => {
  const json = {
    number: "0x10ddd63",
    timestamp: "0x64b0337f",
    hash: `0x${"AB".repeat(32)}`,
    parentHash: `0x${"cd".repeat(32)}`,
  };

  it("reads a block's place, hashes in lower case", () => {
    expect(headerOf(json)).toEqual({
      height: 17_685_859,
      time: 1_689_269_119,
      hash: `0x${"ab".repeat(32)}`,
      parent: `0x${"cd".repeat(32)}`,
    });
  });

  it.each([
    null,
    [],
    "0x",
    {},
    { ...json, hash: null },
    { ...json, number: 5 },
    { ...json, parentHash: "0xcd" },
  ])("finds none in %j", (wrong) => {
    expect(headerOf(wrong)).toBeUndefined();
  });

  it("refuses quantities that a number can't hold", () => {
    expect(quantity("0x1fffffffffffff")).toBe(Number.MAX_SAFE_INTEGER);
    expect(quantity("0x20000000000000")).toBeUndefined();
    expect(quantity("0x")).toBeUndefined();
  });
});

describe("the blob schedule", () => {
  /** The form of EIP-7910's own example (Hoodi). */
  const config = {
    current: {
      activationTime: 1_742_999_832,
      blobSchedule: { baseFeeUpdateFraction: 5_007_716, max: 9, target: 6 },
      chainId: "0x88bb0",
    },
    next: {
      activationTime: 1_761_677_592,
      blobSchedule: { baseFeeUpdateFraction: 8_346_193, max: 15, target: 10 },
      chainId: "0x88bb0",
    },
    last: null,
  };

  it("is read from eth_config", () => {
    const forks = blobForksOf(config);
    expect(fractionAt(forks, 1_742_999_831)).toBeUndefined();
    expect(fractionAt(forks, 1_742_999_832)).toBe(5_007_716n);
    expect(fractionAt(forks, 1_761_677_591)).toBe(5_007_716n);
    expect(fractionAt(forks, 1_761_677_592)).toBe(8_346_193n);
  });

  it("is empty before Cancun", () => {
    expect(blobForksOf({ current: { activationTime: 0, blobSchedule: null }, next: null })).toEqual([]);
  });
});
