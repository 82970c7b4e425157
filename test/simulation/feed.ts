import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { BlockHeader } from "../../stream/block.ts";
import type { AssetRow } from "../../stream/flow/labels.ts";
import type { SimBlock } from "./chain.ts";
import { type FinalChain, LAG_S, legsOf, type OracleRow, rowsOf, watermarkOf } from "./figures.ts";
import type { SimLake } from "./lake.ts";
import { chainBefore, type Outcome } from "./oracle.ts";
import { LABEL_VERSION } from "./rule.ts";
import { Differs, same } from "./verdict.ts";

/** The feed worked out a second time, from the final chain and README and DESIGN §6 alone. */

const DAY_S = 86_400;

/** The chain's name in the feed, and the assets of every simulation. */
const CHAIN = "sim";
const DECIMALS: Readonly<Record<string, number>> = { ETH: 18, USDT: 6 };
export const ASSETS: readonly AssetRow[] = Object.entries(DECIMALS).map(([asset, decimals]) => ({
  chain: CHAIN as AssetRow["chain"],
  asset,
  contract: undefined,
  decimals,
}));

const AMOUNTS = ["inflow", "outflow", "netflow", "inflow_inter", "outflow_inter", "intra"];
const COUNTS = ["inflow_txs", "outflow_txs", "inflow_transfers", "outflow_transfers"];
const FIGURES = [...AMOUNTS, ...COUNTS, "issued", "redeemed", "fees"];

/** One day of the feed. */
interface FeedFiles {
  readonly csv: string;
  readonly manifest: { readonly file: string };
}

/** Whether each complete day of a final chain has its manifest. */
export function isFeedThrough(lake: SimLake, chain: FinalChain): boolean {
  const found = lake.feed();
  return completeDays(chain).every((day) => found.has(`exchange-flows-${day}.json`));
}

/**
 * Holds the feed's files to what was final: each complete day is there, bit for bit, and nothing else. Where a rewind took back
 * what was published, the day as it was stays, and a second revision has it as it is. Throws `Differs`.
 */
export function judgeFeed(lake: SimLake, outcome: Outcome, timeRule: FinalChain["timeRule"]): void {
  const found = new Map([...lake.feed()].map(([name, text]) => [name, contentOf(name, text)]));
  const now = revisionsOf({ blocks: outcome.final, timeRule });
  const before = revisionsOf({ blocks: chainBefore(outcome), timeRule });
  const expected = new Map<string, unknown>();
  for (const day of [...new Set([...now.keys(), ...before.keys()])].sort()) {
    const first = `exchange-flows-${day}.json`;
    const [old, fresh] = [before.get(day), now.get(day)];
    // Whether a day was published before it was taken back is a matter of time.
    const wasPublished = old !== undefined && isDeepStrictEqual(found.get(first), old(1).manifest);
    const revisions = [...(wasPublished ? [old] : []), ...(fresh === undefined ? [] : [fresh])];
    const distinct = isDeepStrictEqual(old?.(1), fresh?.(1)) ? revisions.slice(-1) : revisions;
    for (const [at, revision] of distinct.entries()) {
      const { csv, manifest } = revision(at + 1);
      expected.set(manifest.file, csv);
      expected.set(manifest.file.replace(".csv", ".json"), manifest);
    }
  }
  const sorted = (files: ReadonlyMap<string, unknown>) =>
    [...files].sort(([one], [other]) => (one < other ? -1 : 1));
  same("the feed", sorted(found), sorted(expected));
}

function contentOf(name: string, text: string): unknown {
  return name.endsWith(".csv") ? text : parsed(text);
}

/** A day's files, by its revision. */
type Revision = (revision: number) => FeedFiles;

function revisionsOf(chain: FinalChain): ReadonlyMap<string, Revision> {
  const days = completeDays(chain);
  const hours = days.length === 0 ? [] : [...rowsOf(chain).values()];
  return new Map(
    days.map((day) => {
      const blocks = chain.blocks.filter((block) => dayOf(block) === day);
      const own = hours.filter((row) => String(row["hour"]).startsWith(day));
      return [day, (revision: number) => filesOf({ blocks, hours: own }, day, revision)];
    }),
  );
}

/** The days with blocks that the chain covers and that end before all that can still come. */
function completeDays(chain: FinalChain): readonly string[] {
  const [first] = chain.blocks;
  if (first === undefined) return [];
  const watermark = watermarkOf(chain) ?? Number.NEGATIVE_INFINITY;
  const coveredFrom = first.height <= 1 ? Number.NEGATIVE_INFINITY : first.time + LAG_S[chain.timeRule];
  const starts = new Set(chain.blocks.map(({ time }) => time - (time % DAY_S)));
  return [...starts]
    .filter((start) => start >= coveredFrom && start + DAY_S <= watermark)
    .sort((one, other) => one - other)
    .map((start) => new Date(start * 1000).toISOString().slice(0, 10));
}

/** What a day's feed rests on. */
interface DayContent {
  readonly blocks: readonly SimBlock[];
  readonly hours: readonly OracleRow[];
}

function filesOf({ blocks, hours }: DayContent, day: string, revision: number): FeedFiles {
  const rows = daySums(hours);
  const cell = (asset: string, name: string, value: bigint) =>
    COUNTS.includes(name) ? String(value) : decimal(value, DECIMALS[asset] as number);
  const lines = rows.map(({ exchange, asset, sums }) =>
    [
      day,
      CHAIN,
      exchange,
      asset,
      ...FIGURES.map((name) => cell(asset, name, sums.get(name) as bigint)),
    ].join(),
  );
  const columns = ["date", "chain", "exchange", "asset", ...FIGURES];
  const csv = [columns.join(), ...lines, ""].join("\n");
  const canonical = rows.map(({ exchange, asset, sums }) =>
    [CHAIN, exchange, asset, ...FIGURES.map((name) => sums.get(name))].join("|"),
  );
  const manifest = {
    format: "sluice.exchange-flows.v1",
    date: day,
    revision,
    file: `exchange-flows-${day}${revision === 1 ? "" : `.r${revision}`}.csv`,
    sha256: sha256(csv),
    bytes: csv.length,
    columns,
    rows: rows.length,
    digest: sha256(canonical.map((line) => `${line}\n`).join("")),
    chains: { [CHAIN]: chainDay(blocks) },
    assets: rows.length === 0 ? {} : { [CHAIN]: assetsOf(rows) },
  };
  return { csv, manifest };
}

interface DaySums {
  readonly exchange: string;
  readonly asset: string;
  readonly sums: ReadonlyMap<string, bigint>;
}

function daySums(hours: readonly OracleRow[]): readonly DaySums[] {
  const keys = [...new Set(hours.map((row) => `${row["exchange"]}|${row["asset"]}`))].sort();
  return keys.map((key) => {
    const [exchange = "", asset = ""] = key.split("|");
    const own = hours.filter((row) => row["exchange"] === exchange && row["asset"] === asset);
    return { exchange, asset, sums: new Map(FIGURES.map((name) => [name, total(own, name)])) };
  });
}

function total(rows: readonly OracleRow[], name: string): bigint {
  return rows.reduce((sum, row) => sum + BigInt(row[name] as string | number), 0n);
}

function assetsOf(rows: readonly DaySums[]) {
  const assets = [...new Set(rows.map(({ asset }) => asset))];
  return Object.fromEntries(
    assets.map((asset) => {
      const own = rows.filter((row) => row.asset === asset);
      const sum = (name: string) => own.reduce((all, { sums }) => all + (sums.get(name) as bigint), 0n);
      const sums = Object.fromEntries(FIGURES.map((name) => [name, String(sum(name))]));
      return [asset, { decimals: DECIMALS[asset], sums }];
    }),
  );
}

function chainDay(blocks: readonly SimBlock[]) {
  return {
    blocks: blocks.length,
    first_height: blocks[0]?.height ?? null,
    last_height: blocks.at(-1)?.height ?? null,
    label_versions: blocks.some((block) => legsOf(block).length > 0) ? [LABEL_VERSION] : [],
  };
}

function decimal(value: bigint, places: number): string {
  const digits = String(value)
    .replace("-", "")
    .padStart(places + 1, "0");
  const text = `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
  return value < 0n ? `-${text}` : text;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    throw new Differs(`a manifest of the feed is torn: ${text}`);
  }
}

function dayOf({ time }: BlockHeader): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
