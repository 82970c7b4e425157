import { createHash } from "node:crypto";
import type { ChainName } from "../../stream/block.ts";
import { FIGURES } from "../canonical.ts";
import type { Day } from "../day.ts";
import { holdingOf } from "../lines.ts";
import { type Decimals, FEED_COLUMNS, FeedInvalid, type FeedRow, lineOfRow, toCsv } from "./csv.ts";

/** What a chain's blocks of the day were. */
export interface ChainDay {
  readonly blocks: number;
  readonly first_height: number | null;
  readonly last_height: number | null;
  /** The versions of labels and assets by which the day's legs were made. */
  readonly label_versions: readonly string[];
}

/** What stands beside each CSV; nothing in it depends on when or by whom it was written. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly date: Day;
  /** Counts from 1; a correction is the next one, in files of its own. */
  readonly revision: number;
  readonly file: string;
  /** Of the CSV's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  readonly columns: readonly string[];
  readonly rows: number;
  /** SHA-256 over the rows in base units: `chain|exchange|asset|figures…` and LF each, in the CSV's order. */
  readonly digest: string;
  readonly chains: Readonly<Record<string, ChainDay>>;
  /** By chain and asset: the decimals, and the sum of each figure over all exchanges, amounts in base units. */
  readonly assets: Readonly<Record<string, Readonly<Record<string, AssetDay>>>>;
}

interface AssetDay {
  readonly decimals: number;
  readonly sums: Readonly<Record<string, string>>;
}

const FORMAT = "sluice.exchange-flows.v1";

/** A day's feed before it is written: rows in order of chain, exchange and asset. */
export interface Feed {
  readonly day: Day;
  readonly rows: readonly FeedRow[];
  readonly chains: ReadonlyMap<ChainName, ChainDay>;
  readonly decimals: Decimals;
}

/** The CSV and its manifest. */
export function render(feed: Feed, revision: number): { readonly csv: string; readonly manifest: Manifest } {
  const csv = toCsv(feed.day, feed.rows, feed.decimals);
  const { rows, digest } = holdingOf(feed.rows.map(lineOfRow));
  const manifest: Manifest = {
    format: FORMAT,
    date: feed.day,
    revision,
    file: `${feedName(feed.day, revision)}.csv`,
    sha256: createHash("sha256").update(csv).digest("hex"),
    bytes: Buffer.byteLength(csv),
    columns: FEED_COLUMNS,
    rows,
    digest,
    chains: Object.fromEntries([...feed.chains].sort(([a], [b]) => (a < b ? -1 : 1))),
    assets: assetDays(feed),
  };
  return { csv, manifest };
}

/** `exchange-flows-2023-07-13`, from the second revision on `exchange-flows-2023-07-13.r2`. */
export function feedName(day: Day, revision: number): string {
  return `exchange-flows-${day}${revision === 1 ? "" : `.r${revision}`}`;
}

/** The day and revision that a manifest's file name says, or undefined. */
export function feedOfName(name: string): { readonly day: Day; readonly revision: number } | undefined {
  const match = /^exchange-flows-(\d{4}-\d{2}-\d{2})(?:\.r(\d+))?\.json$/.exec(name);
  if (match === null) return undefined;
  return { day: match[1] as Day, revision: Number(match[2] ?? 1) };
}

/** Reads a manifest. Throws `FeedInvalid`. */
export function readManifest(text: string): Manifest {
  const manifest = parse(text);
  if (!isManifest(manifest)) throw new FeedInvalid(`its manifest is not of the form ${FORMAT}`);
  return manifest;
}

/** Whether it has what reading its CSV needs; the rest is compared with what it should say. */
function isManifest(value: unknown): value is Manifest {
  const manifest = value as Partial<Manifest> | null;
  return (
    manifest?.format === FORMAT &&
    typeof manifest.file === "string" &&
    typeof manifest.chains === "object" &&
    manifest.chains !== null &&
    typeof manifest.assets === "object" &&
    manifest.assets !== null
  );
}

/** The decimals that a manifest's amounts are written with. Throws `FeedInvalid` when asked for another asset. */
export function decimalsOfManifest(manifest: Manifest): Decimals {
  return (chain, asset) => {
    const decimals = manifest.assets[chain]?.[asset]?.decimals;
    if (decimals === undefined) throw new FeedInvalid(`its manifest has no asset ${asset} of ${chain}`);
    return decimals;
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FeedInvalid("its manifest is not JSON", { cause });
  }
}

function assetDays({ rows, decimals }: Feed): Manifest["assets"] {
  const chains: Record<string, Record<string, AssetDay>> = {};
  for (const { chain, asset, figures } of rows) {
    const assets = chains[chain] ?? {};
    chains[chain] = assets;
    const before = assets[asset]?.sums ?? {};
    const sums = [...FIGURES.keys()].map((name) => [name, added(before[name], figures.get(name))] as const);
    assets[asset] = { decimals: decimals(chain, asset), sums: Object.fromEntries(sums) };
  }
  return chains;
}

function added(sum: string | undefined, value: bigint | undefined): string {
  return String(BigInt(sum ?? 0) + (value ?? 0n));
}
