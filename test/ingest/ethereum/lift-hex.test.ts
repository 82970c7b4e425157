import fc from "fast-check";
import { expect, test } from "vitest";
import { liftHex } from "../../../ingest/ethereum/lift-hex.ts";

const lift = (text: string) => {
  const bytes = Buffer.from(text);
  return liftHex(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
};

const NO_JSON = Symbol("no JSON");

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
};

/** The value of a lifted text with its bytes back in their places. */
const restored = ({ text, bytes }: NonNullable<ReturnType<typeof lift>>): unknown => {
  const value = parsed(text);
  const put = (one: unknown): unknown => {
    if (typeof one === "string" && one.startsWith("0x"))
      return `0x${Buffer.from(bytes[Number(one.slice(2))] ?? []).toString("hex")}`;
    if (Array.isArray(one)) return one.map(put);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [String(put(name)), put(inner)]));
  };
  return put(value);
};

const hexText = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);

test("an answer of byte strings is lifted, and is the same answer with its bytes back in their places", () => {
  const entry = fc.record({
    jsonrpc: fc.constant("2.0"),
    id: fc.nat(4),
    result: fc.oneof(hexText, fc.array(hexText), fc.constant(null)),
  });
  fc.assert(
    fc.property(fc.array(entry), fc.constantFrom(undefined, 1), (answer, indent) => {
      const lifted = lift(JSON.stringify(answer, undefined, indent));
      expect(lifted && restored(lifted)).toEqual(answer);
    }),
  );
});

test("a long byte string comes whole, in digits of either case", () => {
  const bytes = Buffer.from(Array.from({ length: 50_001 }, (_, index) => (index * 7919) % 256));
  const hex = bytes.toString("hex");
  for (const digits of [hex, hex.toUpperCase()]) {
    const lifted = lift(`["0x${digits}","0x01"]`);
    expect(lifted?.text).toBe('["0x0","0x1"]');
    expect(lifted?.bytes.map((one) => Buffer.from(one))).toEqual([bytes, Buffer.from([1])]);
  }
});

test("whatever a node sends, what is lifted means the same, and what is no JSON stays none", () => {
  const piece = fc.constantFrom(
    '"',
    "0x",
    '"0x',
    "ab",
    "1",
    "Z",
    "\\",
    ",",
    "[",
    "]",
    "{",
    "}",
    ":",
    " ",
    "é",
  );
  const inList = fc.array(piece, { maxLength: 12 }).map((pieces) => `["0x12",${pieces.join("")}]`);
  fc.assert(
    fc.property(inList, (text) => {
      const lifted = lift(text);
      if (lifted !== undefined) expect(restored(lifted)).toEqual(parsed(text));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ["no digits", '["0x"]'],
  ["half a byte", '["0x123"]'],
  ["no hexadecimal", '["0x12zz"]'],
  ["no hexadecimal behind a long beginning", `["0x${"12".repeat(10_000)}zz"]`],
  ["a text that does not end", '["0x1234'],
  ["an escaped quote", String.raw`["not \"0x12\" found"]`],
  ["an escape elsewhere", String.raw`["0x12","\u0030x34"]`],
  ["letters that are no ASCII", '["0x12","é"]'],
  ["an error, whose text may be hexadecimal", '[{"id":0,"error":{"code":1,"message":"0x12"}}]'],
])("%s is left to be parsed as it stands", (_, text) => {
  expect(lift(text)).toBe(undefined);
});
