import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Address, ChainName } from "../../../stream/block.ts";
import {
  ethereumAddress,
  type LabelRow,
  NativeAssetMissing,
  openBook,
  parseAssets,
  parseLabels,
} from "../../../stream/flow/labels.ts";
import { address } from "../../support/ethereum-story.ts";
import { ETHEREUM, FORMS } from "../../support/final-block.ts";

const LABELS = "chain,address,exchange,wallet,role,valid_from,source";
const ASSETS = "chain,asset,contract,decimals";
const [one, two] = [address("a"), address("b")];
const ETH = "ethereum,ETH,,18";

const labelsOf = (...lines: readonly string[]) =>
  parseLabels([{ file: "labels.csv", text: [LABELS, ...lines].join("\n") }], FORMS);
const assetsOf = (...lines: readonly string[]) =>
  parseAssets([{ file: "assets.csv", text: [ASSETS, ...lines].join("\n") }], FORMS);
const faultsOf = (parsed: { faults: readonly { line: number; reason: string }[] }) =>
  parsed.faults.map(({ line, reason }) => `${line}: ${reason}`);

test.each(["=1+1", "=cmd()", "+A", "-A", "@A", "＝A", "＋A", "－A", "＠A"])(
  "%s begins a formula in a spreadsheet: no symbol, no slug",
  (text) => {
    expect(assetsOf(ETH, `ethereum,${text},${one},6`).faults).toMatchObject([{ line: 3 }]);
    expect(labelsOf(`ethereum,${one},${text.toLowerCase()},,,,`).faults).toMatchObject([{ line: 2 }]);
    expect(assetsOf(ETH, `ethereum,A${text},${one},6`).faults).toEqual([]);
  },
);

test("a NUL, which Postgres can't hold, is a bad row", () => {
  expect(faultsOf(labelsOf(`ethereum,${one},okx,hot\0,,,s`))).toEqual(["2: a cell has a NUL character"]);
});

test("the year 0, which Postgres can't hold, is a bad row", () => {
  const from = (date: string) => faultsOf(labelsOf(`ethereum,${one},okx,,,${date},s`));
  expect(from("0000-12-31")).toEqual(['2: valid_from "0000-12-31" is no date (YYYY-MM-DD)']);
  expect(from("0001-01-01")).toEqual([]);
});

describe("label files", () => {
  test("a row is read with all its columns; addresses are printed in lower case", () => {
    const mixed = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
    expect(labelsOf(`ethereum,${mixed},binance.us,"Hot, 1",hot,2023-02-28,etherscan`)).toEqual({
      rows: [
        {
          chain: "ethereum",
          address: "0xdac17f958d2ee523a2206206994597c13d831ec7",
          exchange: "binance.us",
          wallet: "Hot, 1",
          role: "hot",
          validFrom: Date.UTC(2023, 1, 28) / 1000,
          source: "etherscan",
        },
      ],
      faults: [],
    });
    expect(labelsOf(`ethereum,${one},okx,,,,`).rows[0]?.validFrom).toBeUndefined();
  });

  test("every bad row is named at once, with file, line and reason", () => {
    const parsed = labelsOf(
      "ethereum,0x12,okx,,,,s",
      `ethereum,${one},OKX,,,,s`,
      `ethereum,${one},okx,,,2023-02-30,s`,
      `ethereum,${one},okx,,,2023-2-3,s`,
      `ethereum,${one},okx,,,`,
      `ethereum,${one},okx,,,,s,more`,
      `ethereum,${one},o"kx,,,,s`,
      `ethereum,${two},,,,9999-99-99,s`,
    );
    expect(parsed.rows).toEqual([]);
    expect(parsed.faults.map((fault) => fault.file)).toEqual(Array.from({ length: 9 }, () => "labels.csv"));
    expect(faultsOf(parsed).sort()).toEqual([
      '2: address "0x12" has no form that ethereum knows',
      '3: exchange "OKX" is no slug (a-z, 0-9, ".", "_", then "-" too)',
      '4: valid_from "2023-02-30" is no date (YYYY-MM-DD)',
      '5: valid_from "2023-2-3" is no date (YYYY-MM-DD)',
      "6: 6 columns instead of 7",
      "7: 8 columns instead of 7",
      "8: quotes are not as RFC 4180 has them",
      '9: exchange "" is no slug (a-z, 0-9, ".", "_", then "-" too)',
      '9: valid_from "9999-99-99" is no date (YYYY-MM-DD)',
    ]);
  });

  test("two exchanges from the same date are a conflict, in whatever case and file", () => {
    const first = { file: "a.csv", text: `${LABELS}\nethereum,${one},okx,,,,s\n` };
    const second = { file: "b.csv", text: `${LABELS}\n\nethereum,${one.toUpperCase()},kraken,,,,s\n` };
    const parsed = parseLabels([first, second], FORMS);
    expect(parsed.rows).toHaveLength(1);
    expect(parsed.faults).toEqual([
      {
        file: "b.csv",
        line: 3,
        reason: `address ${one} of kraken already belongs to okx from the same date (a.csv:2)`,
      },
    ]);
  });

  test("a duplicate says nothing new, and neither does the same exchange from another date", () => {
    const row = `ethereum,${one},okx,,,2023-01-01,s`;
    const parsed = labelsOf(row, row, `ethereum,${one},okx,,,,s`, `ethereum,${one},kraken,,,2023-01-02,s`);
    expect(parsed.faults).toEqual([]);
    expect(parsed.rows).toHaveLength(3);
  });

  test("rows of chains that the config does not name are passed over", () => {
    expect(labelsOf("bitcoin,1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa,OKX,,,never,s")).toEqual({
      rows: [],
      faults: [],
    });
  });

  test.each([
    ["another header", "chain,address,exchange\n"],
    ["an empty file", ""],
    ["a header of other names", LABELS.replace("role", "kind")],
  ])("%s is one fault of its first line", (_name, text) => {
    const parsed = parseLabels([{ file: "x.csv", text }], FORMS);
    expect(parsed).toEqual({
      rows: [],
      faults: [{ file: "x.csv", line: 1, reason: `the header must be ${LABELS}` }],
    });
  });

  test("BOM, CRLF, quotes and blank lines are tolerated, and lines counted through them", () => {
    const text = `\uFEFF${LABELS}\r\n"ethereum","${one}",okx,"a ""b""\r\nc",,,s\r\n\r\nethereum,no,okx,,,,s`;
    const parsed = parseLabels([{ file: "x.csv", text }], FORMS);
    expect(parsed.rows.map((row) => row.wallet)).toEqual(['a "b"\r\nc']);
    expect(faultsOf(parsed)).toEqual(['5: address "no" has no form that ethereum knows']);
  });

  test("what RFC 4180 writes is read back", () => {
    const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.string(), fc.string(), (wallet, source) => {
        const parsed = labelsOf(`ethereum,${one},okx,${quoted(wallet)},,,${quoted(source)}`);
        expect(parsed.faults).toEqual([]);
        expect(parsed.rows).toMatchObject([{ wallet, source }]);
      }),
    );
  });
});

describe("asset files", () => {
  test("native and token rows are read", () => {
    expect(assetsOf(ETH, `ethereum,USDT,${one},6`, "bitcoin,BTC,,8")).toEqual({
      rows: [
        { chain: "ethereum", asset: "ETH", contract: undefined, decimals: 18 },
        { chain: "ethereum", asset: "USDT", contract: one, decimals: 6 },
      ],
      faults: [],
    });
  });

  test("every bad row is named at once", () => {
    const parsed = assetsOf(
      ETH,
      "ethereum,A,0x1,6",
      `ethereum,B B,${one},6`,
      ...["", "-1", "06", "6.0", "78", "1e1"].map((decimals) => `ethereum,C,${one},${decimals}`),
      `ethereum,USDT,${one},6`,
      `ethereum,USDT,${two},6`,
      `ethereum,USDC,${one},6`,
      `ethereum,USDT,${one},7`,
      "ethereum,WEI,,0",
    );
    expect(faultsOf(parsed)).toEqual([
      '3: contract "0x1" has no form that ethereum knows',
      '4: asset "B B" is no symbol (no spaces, commas, semicolons, bars or quotes, nor "=", "+", "-" or "@" first)',
      ...["", "-1", "06", "6.0", "78", "1e1"].map(
        (decimals, index) => `${5 + index}: decimals "${decimals}" is no whole number from 0 to 77`,
      ),
      "12: asset USDT already stands at assets.csv:11",
      `13: contract ${one} already stands at assets.csv:11`,
      "14: asset USDT already stands at assets.csv:11",
      "15: the native asset already stands at assets.csv:2",
    ]);
    expect(parsed.rows.map((row) => row.asset)).toEqual(["ETH", "USDT"]);
  });

  test("a configured chain without a native asset is a fault; an identical duplicate is none", () => {
    const row = `ethereum,USDT,${one},6`;
    expect(assetsOf(row, row)).toEqual({
      rows: [{ chain: "ethereum", asset: "USDT", contract: one, decimals: 6 }],
      faults: [
        {
          file: "assets.csv",
          line: 0,
          reason: "ethereum has no native asset; add a row with an empty contract",
        },
      ],
    });
  });
});

describe("a book", () => {
  const midnight = Date.UTC(2024, 0, 2) / 1000;
  const open = (labels: readonly LabelRow[]) =>
    openBook({ chain: ETHEREUM, version: "v", labels, assets: assetsOf(ETH, `ethereum,USDT,${one},6`).rows });

  test("a row holds from its date until the address's next row", () => {
    const book = open(
      labelsOf(
        `ethereum,${one},kraken,,,2024-01-02,s`,
        `ethereum,${one},okx,,,,s`,
        `ethereum,${one},binance,,,2024-01-03,s`,
        `ethereum,${two},gate,,,2024-01-02,s`,
      ).rows,
    );
    const holders = (time: number) => [book.exchangeAt(one, time), book.exchangeAt(two, time)];
    expect(holders(0)).toEqual(["okx", null]);
    expect(holders(midnight - 1)).toEqual(["okx", null]);
    expect(holders(midnight)).toEqual(["kraken", "gate"]);
    expect(holders(midnight + 86_399)).toEqual(["kraken", "gate"]);
    expect(holders(midnight + 86_400)).toEqual(["binance", "gate"]);
    expect(book.exchangeAt(address("c"), midnight)).toBeNull();
    expect([...book.addresses()].sort()).toEqual([one, two].sort());
  });

  test("assets are found by contract; the native one has its own name", () => {
    const book = open([]);
    expect(book.nativeAsset).toBe("ETH");
    expect(book.assetOf(one)?.asset).toBe("USDT");
    expect(book.assetOf(two)).toBeUndefined();
  });

  test("rows of other chains are not in it", () => {
    const elsewhere = { ...labelsOf(`ethereum,${one},okx,,,,s`).rows[0]!, chain: "other" as ChainName };
    expect(open([elsewhere]).exchangeAt(one, midnight)).toBeNull();
    expect(() => openBook({ chain: "other" as ChainName, version: "v", labels: [], assets: [] })).toThrow(
      NativeAssetMissing,
    );
  });
});

test("an Ethereum address is 0x and 40 hex digits of any case", () => {
  const lower = "0xdac17f958d2ee523a2206206994597c13d831ec7" as Address;
  for (const text of [lower, lower.toUpperCase(), "0xdAC17F958D2ee523a2206206994597C13D831ec7"]) {
    expect(ethereumAddress(text)).toBe(lower);
  }
  for (const text of [
    "",
    lower.slice(2),
    `${lower}0`,
    lower.slice(0, -1),
    ` ${lower}`,
    `${lower}\n`,
    lower.replace("d", "g"),
  ]) {
    expect(ethereumAddress(text)).toBeUndefined();
  }
});
