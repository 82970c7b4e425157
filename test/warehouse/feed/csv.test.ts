import { describe, expect, it } from "vitest";
import type { ChainName } from "../../../stream/block.ts";
import type { Day } from "../../../warehouse/day.ts";
import {
  AssetUnknown,
  decimalsOf,
  FEED_COLUMNS,
  FeedInvalid,
  fromCsv,
  lineOfRow,
  rowOfLine,
  toCsv,
} from "../../../warehouse/feed/csv.ts";

const CHAIN = "ethereum" as ChainName;
const DAY = "2023-07-13" as Day;
const decimals = decimalsOf([{ chain: CHAIN, asset: "USDT", contract: undefined, decimals: 6 }]);
const LINE = "okx|USDT|1000000|2500000|-1500000|0|0|0|3|1|4|1|7|0|0";

describe("the feed's CSV", () => {
  it("has the hourly table's columns without hour, completeness and heights", () => {
    expect(FEED_COLUMNS.join()).toBe(
      "date,chain,exchange,asset,inflow,outflow,netflow,inflow_inter,outflow_inter,intra,inflow_txs,outflow_txs,inflow_transfers,outflow_transfers,issued,redeemed,fees",
    );
  });

  it("writes amounts in the asset's unit and counts as they are, and reads back the same", () => {
    const row = rowOfLine(CHAIN, LINE);
    const csv = toCsv(DAY, [row], decimals);
    expect(csv.split("\n")[1]).toBe("2023-07-13,ethereum,okx,USDT,1,2.5,-1.5,0,0,0,3,1,4,1,0.000007,0,0");
    expect(fromCsv(csv, DAY, decimals).map(lineOfRow)).toEqual([`ethereum|${LINE}`]);
  });

  it("refuses an asset without decimals, and files that Sluice did not write", () => {
    const unknown = rowOfLine(CHAIN, LINE.replace("USDT", "DAI"));
    expect(() => toCsv(DAY, [unknown], decimals)).toThrow(AssetUnknown);
    const csv = toCsv(DAY, [rowOfLine(CHAIN, LINE)], decimals);
    expect(() => fromCsv(csv.slice(0, -5), DAY, decimals)).toThrow(FeedInvalid);
    expect(() => fromCsv(csv.replace("inflow,", ""), DAY, decimals)).toThrow(FeedInvalid);
    expect(() => fromCsv(csv, "2023-07-14" as Day, decimals)).toThrow(FeedInvalid);
  });
});
