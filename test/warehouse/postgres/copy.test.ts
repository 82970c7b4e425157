import { describe, expect, it } from "vitest";
import { copyText } from "../../../warehouse/postgres/copy.ts";

describe("copyText", () => {
  it("writes COPY's text format, with nulls and what must be escaped", () => {
    const rows = [
      ["a", 1, 2n ** 255n, true, null],
      ["tab\tback\\slash", "line\nend\r", "", "\\N", "ü"],
    ];
    expect([...copyText(rows)].join("")).toBe(
      `a\t1\t${2n ** 255n}\ttrue\t\\N\ntab\\tback\\\\slash\tline\\nend\\r\t\t\\\\N\tü\n`,
    );
  });

  it("cuts long input into chunks at line ends", () => {
    const chunks = [...copyText(Array.from({ length: 5000 }, (_, index) => [index, "x".repeat(100)]))];
    expect(chunks.length).toBe(3);
    expect(chunks.every((chunk) => chunk.endsWith("\n"))).toBe(true);
    expect(chunks.join("").split("\n").length).toBe(5001);
  });

  it("writes nothing for no rows", () => {
    expect([...copyText([])]).toEqual([]);
  });
});
