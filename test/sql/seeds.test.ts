import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Address, ChainName } from "../../stream/block.ts";
import { ethereumAddress, parseAssets, parseLabels } from "../../stream/flow/labels.ts";
import type { AddressForm } from "../../stream/flow/rule.ts";

const seed = (name: string) => [
  { file: `sql/seeds/${name}`, text: readFileSync(`sql/seeds/${name}`, "utf8") },
];
const bitcoin = "bitcoin" as ChainName;
/** The shape of main-net addresses; their checksums are Bitcoin's own room's matter. */
const looksLikeBitcoin: AddressForm = (text) =>
  /^(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{8,87})$/.test(text)
    ? (text as Address)
    : undefined;
const forms = new Map<ChainName, AddressForm>([
  ["ethereum" as ChainName, ethereumAddress],
  [bitcoin, looksLikeBitcoin],
]);

const labels = parseLabels(seed("exchange_addresses.csv"), forms);
const assets = parseAssets(seed("assets.csv"), forms);

describe("the seeds", () => {
  test("have no row that can't be used", () => {
    expect(labels.faults).toEqual([]);
    expect(assets.faults).toEqual([]);
  });

  test("name at least 40 exchanges on each chain, every row with its source and none with a made-up date", () => {
    for (const chain of forms.keys()) {
      const exchanges = new Set(labels.rows.filter((row) => row.chain === chain).map((row) => row.exchange));
      expect(exchanges.size).toBeGreaterThanOrEqual(40);
    }
    expect(labels.rows.filter((row) => !/^[\w.-]+\/[\w.-]+ \S+/.test(row.source))).toEqual([]);
    expect(labels.rows.filter((row) => row.validFrom !== undefined)).toEqual([]);
  });

  test("label no registered token and no address twice", () => {
    const contracts = new Set(assets.rows.map((row) => row.contract));
    expect(labels.rows.filter((row) => contracts.has(row.address))).toEqual([]);
    expect(new Set(labels.rows.map((row) => `${row.chain} ${row.address}`)).size).toBe(labels.rows.length);
  });

  test("register at least 30 assets with the decimals of their contracts", () => {
    expect(assets.rows.length).toBeGreaterThanOrEqual(30);
    const unusual = assets.rows
      .filter((row) => row.decimals !== 18)
      .map((row) => [row.asset, row.decimals] as const);
    expect(new Map(unusual)).toEqual(
      new Map([
        ["BTC", 8],
        ["CRO", 8],
        ["EURC", 6],
        ["FLOKI", 9],
        ["GUSD", 2],
        ["KCS", 6],
        ["PYUSD", 6],
        ["STORJ", 8],
        ["USDC", 6],
        ["USDT", 6],
        ["WBTC", 8],
        ["cbBTC", 8],
      ]),
    );
  });
});
