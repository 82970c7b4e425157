import { printChange, printRounded } from "../../warehouse/postgres/decimal.ts";
import { type Row24h, SHOWN_DECIMALS } from "../../warehouse/postgres/table.ts";
import { CHAINS } from "./plan.ts";

/** The assets that are shown first: the ones that everybody knows. */
const FIRST = ["BTC", "ETH", "USDT", "USDC"];
const WIDTHS = [18, 12, 22, 11, 22, 11] as const;

/** TokenAnalyst's table in at most `count` rows: the largest flows of each of the best-known tokens. */
export function tableLines(rows: readonly Row24h[], count: number): readonly string[] {
  const head = line(["Exchange", "Token", "Inflow", "Change", "Outflow", "Change"]);
  if (rows.length === 0) return [head, "  no complete hour yet"];
  return [head, ...chosen(rows, count).map((row) => line(cells(row)))];
}

/** The hours that the table speaks of: each chain has its own, though mostly they are the same. */
export function windowOf(rows: readonly Row24h[]): string {
  const windows = CHAINS.flatMap(({ name, title }) => {
    const row = rows.find(({ chain }) => chain === name);
    return row === undefined ? [] : [{ title, ...row, end: endOf(row) }];
  });
  const [first] = windows;
  if (first === undefined) return "";
  const isOne = windows.every(({ end }) => end === first.end);
  const ends = isOne ? first.end : windows.map(({ title, end }) => `${end} (${title})`).join(", ");
  return `the 24 hours to ${ends} against the 24 before${windows.every(({ complete }) => complete) ? "" : "; not yet that many"}`;
}

function endOf({ window_end }: Row24h): string {
  return `${window_end.slice(0, 16).replace("T", " ")} UTC`;
}

function chosen(rows: readonly Row24h[], count: number): readonly Row24h[] {
  const best = FIRST.flatMap((asset) => {
    const ofAsset = rows.filter((row) => row.asset === asset).sort((a, b) => turnover(b) - turnover(a));
    return ofAsset.slice(0, Math.ceil(count / FIRST.length));
  });
  return best.slice(0, count).sort((a, b) => compare(a.exchange, b.exchange) || compare(a.asset, b.asset));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Only to put rows in an order: no figure that is shown. */
function turnover(row: Row24h): number {
  return Number(row.inflow ?? 0) + Number(row.outflow ?? 0);
}

function cells(row: Row24h): readonly string[] {
  const amount = (text: string | null) => (text === null ? "–" : printRounded(text, SHOWN_DECIMALS));
  const change = (now: string | null, before: string | null) =>
    now === null || before === null ? "–" : (printChange(now, before) ?? "–");
  return [
    row.exchange,
    row.token,
    amount(row.inflow),
    change(row.inflow, row.inflow_previous),
    amount(row.outflow),
    change(row.outflow, row.outflow_previous),
  ];
}

function line(texts: readonly string[]): string {
  const padded = texts.map((text, index) => {
    const width = WIDTHS[index] ?? 0;
    return index < 2 ? text.padEnd(width) : text.padStart(width);
  });
  return `  ${padded.join("")}`;
}
