import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecimalInvalid, fromDecimal, toDecimal } from "../../../warehouse/feed/decimal.ts";

describe("toDecimal", () => {
  it.each([
    [0n, 18, "0"],
    [1n, 18, "0.000000000000000001"],
    [-1n, 18, "-0.000000000000000001"],
    [1_500_000n, 6, "1.5"],
    [-12_000_000n, 6, "-12"],
    [42n, 0, "42"],
    [2n ** 255n, 0, `${2n ** 255n}`],
  ])("%s with %i decimals is %s", (amount, decimals, text) => {
    expect(toDecimal(amount, decimals)).toBe(text);
  });

  it("loses nothing", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(77), (amount, decimals) => {
        expect(fromDecimal(toDecimal(amount, decimals), decimals)).toBe(amount);
      }),
    );
  });
});

describe("fromDecimal", () => {
  it.each(["", "1.", ".5", "1e3", "1.0000001", "+1", "1,5"])("refuses %j", (text) => {
    expect(() => fromDecimal(text, 6)).toThrow(DecimalInvalid);
  });
});
