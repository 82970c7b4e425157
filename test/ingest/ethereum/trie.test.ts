import fc from "fast-check";
import { expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { indexedRoot } from "../../../ingest/ethereum/trie.ts";
import { plainRoot } from "./plain-trie.ts";
import { hex } from "./synthetic.ts";

test("the root of nothing is the well-known one", () => {
  expect(hex(indexedRoot([], keccak256))).toBe(
    "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
  );
});

test("a root is that of a trie built by insertion, for any number and size of values", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 70 }), { maxLength: 300 }), (values) => {
      expect(hex(indexedRoot(values, keccak256))).toBe(hex(plainRoot(values)));
    }),
    { numRuns: 150 },
  );
});

test.each([1, 2, 16, 17, 127, 128, 129, 255, 256, 257, 700])("%i values", (count) => {
  const values = Array.from({ length: count }, (_, index) => new Uint8Array([1 + (index % 250), index >> 8]));
  expect(hex(indexedRoot(values, keccak256))).toBe(hex(plainRoot(values)));
});

test.each([26, 27, 28, 29, 30, 31, 32, 33])(
  "values of %i bytes, whose nodes are about as long as a hash",
  (length) => {
    for (const count of [1, 2, 3, 17, 130, 300]) {
      const values = Array.from({ length: count }, (_, index) =>
        new Uint8Array(length).fill(1 + (index % 250)),
      );
      expect(hex(indexedRoot(values, keccak256))).toBe(hex(plainRoot(values)));
    }
  },
);
