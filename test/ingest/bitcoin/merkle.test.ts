import { expect, it } from "vitest";
import { merkleRoot } from "../../../ingest/bitcoin/merkle.ts";
import { plainRoot, sha256d, uint32 } from "../../chain/bitcoin/bytes.ts";

const leaves = (count: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => sha256d(uint32(index)));

it("the root is that of the plain rule, whatever the count", () => {
  for (let count = 1; count <= 70; count += 1) {
    const { root, ambiguous } = merkleRoot(Buffer.concat(leaves(count)));
    expect([Buffer.from(root).toString("hex"), ambiguous], String(count)).toEqual([
      plainRoot(leaves(count)).toString("hex"),
      false,
    ]);
  }
});

/** Leaves as the tree has them below a node that covers `size`: where some are missing, the last ones stand there again. */
function filled(own: readonly Buffer[], size: number): readonly Buffer[] {
  if (own.length === size) return own;
  const half = size / 2;
  if (own.length > half) return [...own.slice(0, half), ...filled(own.slice(half), half)];
  return [...filled(own, half), ...filled(own, half)];
}

it("a tail that is repeated at any level leaves the root as it was, and is seen (CVE-2012-2459)", () => {
  for (let count = 3; count <= 70; count += 1) {
    const honest = leaves(count);
    for (let size = 1; size < count; size *= 2) {
      // The last node of a level pairs with itself where the level's count is odd.
      if (Math.ceil(count / size) % 2 === 0) continue;
      const below = (Math.ceil(count / size) - 1) * size;
      const tail = filled(honest.slice(below), size);
      const { root, ambiguous } = merkleRoot(Buffer.concat([...honest.slice(0, below), ...tail, ...tail]));
      expect([Buffer.from(root).equals(plainRoot(honest)), ambiguous], `${count} ${size}`).toEqual([
        true,
        true,
      ]);
    }
  }
});

it("the same leaf twice elsewhere than in a pair is no repetition", () => {
  const [a, b, c] = leaves(3) as [Buffer, Buffer, Buffer];
  expect(merkleRoot(Buffer.concat([a, b, b, c])).ambiguous).toBe(false);
  expect(merkleRoot(Buffer.concat([b, b, a, c])).ambiguous).toBe(true);
});
