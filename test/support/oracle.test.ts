import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { oracleBooks, oracleFees, oracleLegs } from "./oracle.ts";
import { readRealBlock, realBlocksAreThere } from "./real-blocks.ts";

const EXAMPLE = "../shared/examples/ethereum";

test.skipIf(!realBlocksAreThere)(
  "the oracle agrees with the worked example (needs the real blocks beside the project)",
  () => {
    const read = (name: string) => readFileSync(`${EXAMPLE}/${name}.csv`, "utf8");
    const books = oracleBooks(read("labels"), read("assets"));
    const real = readRealBlock(17686115);
    const [header, ...rows] = read("flow_legs")
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    const wanted = rows.map((row) =>
      Object.fromEntries(row.map((cell, index) => [header![index], cell === "" ? null : cell])),
    );
    const mine = oracleLegs(real, books).map((leg) => ({
      chain: "ethereum",
      height: "17686115",
      block_hash: real.block.hash,
      ...leg,
    }));
    const sorted = (legs: readonly object[]) =>
      legs.map((leg) => JSON.stringify(Object.entries(leg).sort())).sort();
    expect(sorted(mine)).toEqual(sorted(wanted));
    expect(oracleFees(real, books).get("binance")).toBe(11449773038418600n);
  },
);
