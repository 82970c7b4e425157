import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  expectEnd,
  isListNext,
  isObjectNext,
  items,
  type JsonCursor,
  JsonMalformed,
  members,
  namesOf,
  readValue,
  skip,
} from "../../../ingest/bitcoin/json-scan.ts";

function cursorAt(text: string): JsonCursor {
  return { bytes: Buffer.from(text), at: 0 };
}

/** The value at `cursor`, read by the scanner alone down to words and strings. */
function walked(cursor: JsonCursor, names: readonly string[]): unknown {
  if (isListNext(cursor)) {
    const list: unknown[] = [];
    items(cursor, () => list.push(walked(cursor, names)));
    return list;
  }
  if (!isObjectNext(cursor)) return readValue(cursor);
  const found: Record<string, unknown> = {};
  members(cursor, namesOf(...names), (name) => {
    found[name] = walked(cursor, names);
  });
  return found;
}

function namesIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(namesIn)];
}

const plainName = fc.string({ unit: fc.constantFrom("a", "b", "value", "hex", "_"), minLength: 1 });
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.string({ minLength: 40, maxLength: 120 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.constantFrom(true, false, null, "\\", '"', '\\"'),
    fc.array(tie("value")),
    fc.dictionary(plainName, tie("value"), { noNullPrototype: true }),
  ),
})).value;

describe("the scanner", () => {
  it("reads any JSON as JSON.parse does, with whatever space between", () => {
    const law = fc.property(json, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      const cursor = cursorAt(` ${text}\n`);
      expect(walked(cursor, [...new Set(namesIn(value))])).toEqual(JSON.parse(text));
      expectEnd(cursor);
    });
    fc.assert(law, { numRuns: 500 });
  });

  it("passes over what is not wanted, and says where a value stands", () => {
    const cursor = cursorAt('{"a":{"value":[1,"]}"]},"value": 1.50 ,"b":null}');
    const seen: string[] = [];
    members(cursor, namesOf("value"), () => {
      const { from, to } = skip(cursor);
      seen.push(cursor.bytes.toString("latin1", from, to));
    });
    expect(seen).toEqual(["1.50"]);
  });

  it("finds out anywhere that the text is cut off", () => {
    const law = fc.property(json, fc.nat(), (value, random) => {
      const whole = JSON.stringify([value]);
      const cursor = cursorAt(whole.slice(0, random % whole.length));
      expect(() => skip(cursor)).toThrow(JsonMalformed);
    });
    fc.assert(law, { numRuns: 300 });
  });

  it.each(["", "  ", "[1 2]", "[1,]", '{"a" 1}', '{"a":1,}', "{1:2}", '["', '{"a":}'])(
    "refuses %j",
    (text) => {
      expect(() => walked(cursorAt(text), ["a"])).toThrow(JsonMalformed);
    },
  );
});
