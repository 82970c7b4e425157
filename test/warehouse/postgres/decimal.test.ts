import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printChange, printRounded } from "../../../warehouse/postgres/decimal.ts";

describe("printRounded", () => {
  it.each([
    ["0", "0.00"],
    ["1234567.891", "1,234,567.89"],
    ["-1234.5", "-1,234.50"],
    ["0.005", "0.00"],
    ["0.015", "0.02"],
    ["-0.015", "-0.02"],
    ["0.0050000000000000000001", "0.01"],
    ["999.995", "1,000.00"],
    ["115792089237316195423570985008687907853.25", "115,792,089,237,316,195,423,570,985,008,687,907,853.25"],
  ])("prints %s as %s", (text, printed) => {
    expect(printRounded(text, 2)).toBe(printed);
  });

  it("is at most half a unit of its last place away", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (units) => {
        const sign = units < 0n ? "-" : "";
        const digits = String(units < 0n ? -units : units).padStart(7, "0");
        const printed = printRounded(`${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`, 2);
        const back = BigInt(printed.replace(/[.,]/g, "")) * 10_000n;
        const distance = back > units ? back - units : units - back;
        expect(distance <= 5000n).toBe(true);
      }),
    );
  });
});

describe("printChange", () => {
  it.each([
    ["150", "100", "+50.00%"],
    ["50.0", "100.00", "-50.00%"],
    ["0", "7", "-100.00%"],
    ["7", "7", "+0.00%"],
    ["1", "3", "-66.67%"],
    ["100.005", "100", "+0.00%"],
    ["100.015", "100", "+0.02%"],
    ["99.999", "100", "+0.00%"],
    ["12345.678", "1", "+1,234,467.80%"],
  ])("from the second to the first of %s, %s is %s", (now, before, change) => {
    expect(printChange(now, before)).toBe(change);
  });

  it("is not known when there was nothing before", () => {
    expect(printChange("7", "0.000")).toBeUndefined();
  });
});
