import type { ChainName } from "../../stream/block.ts";
import type { AssetRow } from "../../stream/flow/labels.ts";
import { FIGURES } from "../canonical.ts";
import type { Day } from "../day.ts";
import { csvField } from "../lake/rows.ts";
import { fromDecimal, toDecimal } from "./decimal.ts";

/** One row of the feed: the figures of a day in base units and counts, by column. */
export interface FeedRow {
  readonly chain: ChainName;
  readonly exchange: string;
  readonly asset: string;
  readonly figures: ReadonlyMap<string, bigint>;
}

/** How many decimals an asset has. */
export type Decimals = (chain: ChainName, asset: string) => number;

/** An asset has figures, but the asset files no more say how many decimals it has. */
export class AssetUnknown extends Error {
  override readonly name = "AssetUnknown";
  readonly chain: string;
  readonly asset: string;
  constructor(chain: string, asset: string) {
    super(`asset ${asset} of ${chain} has flows but stands in no asset file; put its row back`);
    this.chain = chain;
    this.asset = asset;
  }
}

/** A feed file that is not what Sluice writes. */
export class FeedInvalid extends Error {
  override readonly name = "FeedInvalid";
}

/** The CSV's columns. */
export const FEED_COLUMNS = ["date", "chain", "exchange", "asset", ...FIGURES.keys()];

/** The decimals that asset files give. Throws `AssetUnknown` when asked for another asset. */
export function decimalsOf(assets: readonly AssetRow[]): Decimals {
  const known = new Map(assets.map((row) => [`${row.chain}|${row.asset}`, row.decimals]));
  return (chain, asset) => {
    const decimals = known.get(`${chain}|${asset}`);
    if (decimals === undefined) throw new AssetUnknown(chain, asset);
    return decimals;
  };
}

/** Reads a line of a chain's day sums. */
export function rowOfLine(chain: ChainName, line: string): FeedRow {
  const [exchange = "", asset = "", ...figures] = line.split("|");
  const names = [...FIGURES.keys()];
  return {
    chain,
    exchange,
    asset,
    figures: new Map(names.map((name, at) => [name, BigInt(figures[at] ?? "")])),
  };
}

/** The canonical line of a row: what the feed's digest is taken over, in base units. */
export function lineOfRow(row: FeedRow): string {
  return [row.chain, row.exchange, row.asset, ...row.figures.values()].join("|");
}

/** RFC 4180 with LF: a header, then the rows as they come. Amounts in the asset's own unit. */
export function toCsv(day: Day, rows: readonly FeedRow[], decimals: Decimals): string {
  const lines = rows.map((row) => {
    const places = decimals(row.chain, row.asset);
    const figures = [...row.figures].map(([name, value]) => toDecimal(value, isExact(name) ? places : 0));
    return [day, row.chain, row.exchange, row.asset, ...figures].map(csvField).join();
  });
  return [FEED_COLUMNS.join(), ...lines, ""].join("\n");
}

/** Reads what `toCsv` writes (its fields never need quotes). Throws `FeedInvalid`, `DecimalInvalid`, `AssetUnknown`. */
export function fromCsv(text: string, day: Day, decimals: Decimals): readonly FeedRow[] {
  const [header, ...lines] = text.split("\n");
  if (header !== FEED_COLUMNS.join() || lines.pop() !== "") {
    throw new FeedInvalid("it has other columns, or no end");
  }
  return lines.map((line, at) => readRow({ line, number: at + 2, day }, decimals));
}

function readRow(
  { line, number, day }: { readonly line: string; readonly number: number; readonly day: Day },
  decimals: Decimals,
): FeedRow {
  const [date, chain = "", exchange = "", asset = "", ...figures] = line.split(",");
  if (date !== day || figures.length !== FIGURES.size)
    throw new FeedInvalid(`line ${number} is no row of ${day}`);
  const places = decimals(chain as ChainName, asset);
  const read = (name: string, at: number) => fromDecimal(figures[at] ?? "", isExact(name) ? places : 0);
  return {
    chain: chain as ChainName,
    exchange,
    asset,
    figures: new Map([...FIGURES.keys()].map((name, at) => [name, read(name, at)])),
  };
}

function isExact(name: string): boolean {
  return FIGURES.get(name)?.exact === true;
}
