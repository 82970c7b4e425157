import { describe, expect, it } from "vitest";
import { type Row24h, renderTable } from "../../../warehouse/postgres/table.ts";

const row: Row24h = {
  chain: "ethereum",
  exchange: "binance",
  asset: "ETH",
  token: "ETH",
  window_start: "2023-07-13T10:00:00Z",
  window_end: "2023-07-14T10:00:00Z",
  inflow: "1234.500000000000000000",
  inflow_previous: "1000.000000000000000000",
  inflow_change: "0.2345",
  outflow: "0.000049999999999999",
  outflow_previous: "0.000000000000000000",
  outflow_change: null,
  complete: true,
};

describe("renderTable", () => {
  it("prints exchange, token, and what flowed with its change", () => {
    const unknown = {
      ...row,
      exchange: "kraken",
      inflow_previous: null,
      outflow: null,
      outflow_previous: null,
    };
    expect(renderTable([row, unknown])).toBe(
      [
        "ethereum: 24 hours to 2023-07-14 10:00 UTC",
        "┌──────────┬───────┬────────────┬─────────┬─────────┬────────┐",
        "│ Exchange │ Token │     Inflow │  Change │ Outflow │ Change │",
        "├──────────┼───────┼────────────┼─────────┼─────────┼────────┤",
        "│ binance  │ ETH   │ 1,234.5000 │ +23.45% │  0.0000 │      – │",
        "│ kraken   │ ETH   │ 1,234.5000 │       – │       – │      – │",
        "└──────────┴───────┴────────────┴─────────┴─────────┴────────┘",
      ].join("\n"),
    );
  });

  it("prints a table a chain, and says which one is known for less than 24 hours", () => {
    const text = renderTable([
      row,
      { ...row, chain: "bitcoin", asset: "BTC", token: "BTC", complete: false },
    ]);
    expect(text).toContain(
      "\n\nbitcoin: 24 hours to 2023-07-14 10:00 UTC (known for less than 24 complete hours)\n",
    );
  });

  it("says so when there is nothing yet", () => {
    expect(renderTable([])).toBe("no complete hour with flows yet");
  });
});
