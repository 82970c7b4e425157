import { expect, test } from "vitest";
import { InvalidUsage } from "../../runtime/exit.ts";
import { collectUntil, servedChains, type Untils } from "../../runtime/until.ts";
import type { ChainName } from "../../stream/block.ts";

const none: Untils = new Map();
const chains = ["bitcoin", "ethereum"] as ChainName[];

test("each --until adds its chain, and may say the same height again", () => {
  const untils = collectUntil("ethereum=5", collectUntil("bitcoin=0", collectUntil("ethereum=5", none)));
  expect([...untils]).toEqual([
    ["ethereum", 5],
    ["bitcoin", 0],
  ]);
});

test.each(["bitcoin=1", "bitcoin=7"])(
  "--until %s is refused where another height was said before",
  (text) => {
    const before = collectUntil("bitcoin=5", none);
    expect(() => collectUntil(text, before)).toThrow(
      new InvalidUsage(`--until ${text}: bitcoin was to end at 5 before; name one height`),
    );
    expect(() => collectUntil("bitcoin=5", collectUntil("bitcoin=0", none))).toThrow(
      "was to end at 0 before",
    );
  },
);

test.each([
  "ethereum",
  "ethereum=",
  "=5",
  "ethereum=-1",
  "ethereum=1.5",
  "Ethereum=5",
  "ethereum=99999999999999999999",
])("--until %s is refused", (text) => {
  expect(() => collectUntil(text, none)).toThrow(InvalidUsage);
});

test("without --until all chains are served, with one only those that are named", () => {
  expect(servedChains(chains, none)).toEqual(chains);
  expect(servedChains(chains, collectUntil("ethereum=5", none))).toEqual(["ethereum"]);
  expect(servedChains(chains, collectUntil("dogecoin=5", none))).toEqual([]);
});
