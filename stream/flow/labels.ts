import type { Address, ChainName } from "../block.ts";
import { parseCsv } from "./csv.ts";
import type { AddressForm } from "./rule.ts";

/** A row of a label file. `validFrom` is in Unix seconds (00:00 UTC of its date), undefined: always. */
export interface LabelRow {
  readonly chain: ChainName;
  readonly address: Address;
  readonly exchange: string;
  readonly wallet: string;
  readonly role: string;
  readonly validFrom: number | undefined;
  readonly source: string;
}

/** A row of an asset file; `contract` is undefined for the native asset. */
export interface AssetRow {
  readonly chain: ChainName;
  readonly asset: string;
  readonly contract: Address | undefined;
  readonly decimals: number;
}

/** Labels and assets of one chain at one version, ready for look-ups. */
export interface LabelBook {
  readonly version: string;
  readonly nativeAsset: string;
  /** The exchange that holds `address` at `time` (Unix seconds), or null. */
  exchangeAt(address: Address, time: number): string | null;
  /** Every address with a label, whenever it holds: for chains whose blocks name owners in another form than addresses. */
  addresses(): Iterable<Address>;
  /** The registered asset at a token contract, or undefined. */
  assetOf(contract: Address): AssetRow | undefined;
}

/** A row that can't be used; `line` counts from 1, 0 stands for the file as a whole. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** A label or asset file as it was read. */
export interface SeedText {
  readonly file: string;
  readonly text: string;
}

/** A book was asked for a chain without a native asset; `parseAssets` reports that first. */
export class NativeAssetMissing extends Error {
  override readonly name = "NativeAssetMissing";
  readonly chain: ChainName;
  constructor(chain: ChainName) {
    super(nativeAssetReason(chain));
    this.chain = chain;
  }
}

const LABEL_COLUMNS = ["chain", "address", "exchange", "wallet", "role", "valid_from", "source"];
const ASSET_COLUMNS = ["chain", "asset", "contract", "decimals"];
/** DESIGN §6: what topics' keys, tables and files name an exchange by; a spreadsheet takes a cell that begins with "-" for a formula. */
const SLUG = /^[a-z0-9._][a-z0-9._-]*$/;
/**
 * A symbol stands in keys (between bars) and in CSV, where it must not begin a formula, nor a cell where a spreadsheet separates
 * them by semicolons; it may be of any script.
 */
const SYMBOL = /^[^\s|,;"\p{Cc}=+\-@＝＋－＠][^\s|,;"\p{Cc}]*$/u;
/** The one character that a text in Postgres can't have. */
const NUL = "\0";
const DECIMALS = /^(?:0|[1-9]\d?)$/;
/** An amount of one whole unit must fit into `numeric(78,0)`. */
const MAX_DECIMALS = 77;
/** In lower case, as addresses are printed. */
const ETHEREUM_ADDRESS = /^0x[0-9a-f]{40}$/;

/** Reads label files: usable rows in the order of the files, and every fault. Rows of chains not in `forms` are passed over. */
export function parseLabels(
  sources: readonly SeedText[],
  forms: ReadonlyMap<ChainName, AddressForm>,
): { rows: readonly LabelRow[]; faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const seen = new Map<string, Placed<LabelRow>>();
  for (const record of recordsOf({ sources, columns: LABEL_COLUMNS, forms }, faults)) {
    const read = readLabel(record);
    if (read.kind === "bad") faults.push(...read.reasons.map((reason) => faultAt(record, reason)));
    else addLabel({ row: read.row, at: record }, seen, faults);
  }
  return { rows: [...seen.values()].map((placed) => placed.row), faults };
}

/** Reads asset files as `parseLabels` does label files; each chain of `forms` needs exactly one native asset. */
export function parseAssets(
  sources: readonly SeedText[],
  forms: ReadonlyMap<ChainName, AddressForm>,
): { rows: readonly AssetRow[]; faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const rows: AssetRow[] = [];
  const seen = new Map<string, Placed<AssetRow>>();
  const withNative = new Set<ChainName>();
  for (const record of recordsOf({ sources, columns: ASSET_COLUMNS, forms }, faults)) {
    if (record.cell("contract") === "") withNative.add(record.chain);
    const read = readAsset(record);
    if (read.kind === "bad") faults.push(...read.reasons.map((reason) => faultAt(record, reason)));
    else if (addAsset({ row: read.row, at: record }, seen, faults)) rows.push(read.row);
  }
  const file = sources.at(-1)?.file ?? "assets";
  for (const chain of forms.keys()) {
    if (!withNative.has(chain)) faults.push({ file, line: 0, reason: nativeAssetReason(chain) });
  }
  return { rows, faults };
}

/** The labels and assets of one chain, for look-ups. Throws `NativeAssetMissing`. */
export function openBook(options: {
  readonly chain: ChainName;
  readonly version: string;
  readonly labels: readonly LabelRow[];
  readonly assets: readonly AssetRow[];
}): LabelBook {
  const { chain, version } = options;
  const assets = options.assets.filter((row) => row.chain === chain);
  const native = assets.find((row) => row.contract === undefined);
  if (native === undefined) throw new NativeAssetMissing(chain);
  const byContract = new Map(assets.map((row) => [row.contract, row]));
  const histories = historiesOf(options.labels.filter((row) => row.chain === chain));
  return {
    version,
    nativeAsset: native.asset,
    exchangeAt: (address, time) => holderAt(histories.get(address), time),
    addresses: () => histories.keys(),
    assetOf: (contract) => byContract.get(contract),
  };
}

/** Ethereum's address form: `0x` and 40 hex digits of any case, as go-ethereum takes it; printed in lower case. */
export function ethereumAddress(text: string): Address | undefined {
  const lower = text.toLowerCase();
  return ETHEREUM_ADDRESS.test(lower) ? (lower as Address) : undefined;
}

/** A record of a configured chain, with its cells by column. */
interface SeedRecord {
  readonly file: string;
  readonly line: number;
  readonly chain: ChainName;
  readonly form: AddressForm;
  readonly cell: (column: string) => string;
}

interface Placed<Row> {
  readonly row: Row;
  readonly at: SeedRecord;
}

type Read<Row> =
  | { readonly kind: "row"; readonly row: Row }
  | { readonly kind: "bad"; readonly reasons: readonly string[] };

interface Table {
  readonly sources: readonly SeedText[];
  readonly columns: readonly string[];
  readonly forms: ReadonlyMap<ChainName, AddressForm>;
}

function recordsOf(table: Table, faults: Fault[]): readonly SeedRecord[] {
  return table.sources.flatMap((source) => recordsOfFile(source, table, faults));
}

function recordsOfFile({ file, text }: SeedText, table: Table, faults: Fault[]): readonly SeedRecord[] {
  const { columns, forms } = table;
  const [header, ...rows] = parseCsv(text);
  if (header?.kind !== "record" || header.fields.join() !== columns.join()) {
    faults.push({ file, line: header?.line ?? 1, reason: `the header must be ${columns.join()}` });
    return [];
  }
  const records: SeedRecord[] = [];
  for (const row of rows) {
    if (row.kind === "malformed") {
      faults.push({ file, line: row.line, reason: "quotes are not as RFC 4180 has them" });
      continue;
    }
    const chain = row.fields[0] as ChainName;
    const form = forms.get(chain);
    if (row.fields.length !== columns.length) {
      faults.push({
        file,
        line: row.line,
        reason: `${row.fields.length} columns instead of ${columns.length}`,
      });
    } else if (form !== undefined) {
      const cell = (column: string) => row.fields[columns.indexOf(column)] ?? "";
      records.push({ file, line: row.line, chain, form, cell });
    }
  }
  return records;
}

function readLabel({ chain, form, cell }: SeedRecord): Read<LabelRow> {
  const address = form(cell("address"));
  const exchange = cell("exchange");
  const date = cell("valid_from");
  const validFrom = date === "" ? undefined : midnightOf(date);
  const reasons: string[] = [];
  if (!SLUG.test(exchange))
    reasons.push(`exchange "${exchange}" is no slug (a-z, 0-9, ".", "_", then "-" too)`);
  if (date !== "" && validFrom === undefined) reasons.push(`valid_from "${date}" is no date (YYYY-MM-DD)`);
  if (address === undefined) reasons.push(`address "${cell("address")}" has no form that ${chain} knows`);
  const [wallet, role, source] = [cell("wallet"), cell("role"), cell("source")];
  if ([wallet, role, source].some((text) => text.includes(NUL))) reasons.push("a cell has a NUL character");
  if (address === undefined || reasons.length > 0) return { kind: "bad", reasons };
  return { kind: "row", row: { chain, address, exchange, wallet, role, validFrom, source } };
}

/** The same exchange from the same date twice says nothing new: the first row stands. */
function addLabel(placed: Placed<LabelRow>, seen: Map<string, Placed<LabelRow>>, faults: Fault[]): void {
  const { chain, address, exchange, validFrom } = placed.row;
  const key = `${chain} ${address} ${validFrom}`;
  const earlier = seen.get(key);
  if (earlier === undefined) seen.set(key, placed);
  else if (earlier.row.exchange !== exchange) {
    const holder = `${earlier.row.exchange} from the same date (${earlier.at.file}:${earlier.at.line})`;
    faults.push(faultAt(placed.at, `address ${address} of ${exchange} already belongs to ${holder}`));
  }
}

function readAsset({ chain, form, cell }: SeedRecord): Read<AssetRow> {
  const asset = cell("asset");
  const text = cell("contract");
  const contract = text === "" ? undefined : form(text);
  const decimals = Number(cell("decimals"));
  const reasons: string[] = [];
  if (!SYMBOL.test(asset))
    reasons.push(
      `asset "${asset}" is no symbol (no spaces, commas, semicolons, bars or quotes, nor "=", "+", "-" or "@" first)`,
    );
  if (text !== "" && contract === undefined)
    reasons.push(`contract "${text}" has no form that ${chain} knows`);
  if (!DECIMALS.test(cell("decimals")) || decimals > MAX_DECIMALS) {
    reasons.push(`decimals "${cell("decimals")}" is no whole number from 0 to ${MAX_DECIMALS}`);
  }
  return reasons.length > 0
    ? { kind: "bad", reasons }
    : { kind: "row", row: { chain, asset, contract, decimals } };
}

/** Whether the row is new; an identical one says nothing, one that shares only symbol or contract is a fault. */
function addAsset(placed: Placed<AssetRow>, seen: Map<string, Placed<AssetRow>>, faults: Fault[]): boolean {
  const { chain, asset, contract, decimals } = placed.row;
  const keys = [`${chain} asset ${asset}`, `${chain} contract ${contract ?? ""}`];
  const [sameAsset, sameContract] = keys.map((key) => seen.get(key));
  if (sameAsset === undefined && sameContract === undefined) {
    for (const key of keys) seen.set(key, placed);
    return true;
  }
  if (sameAsset !== undefined && sameAsset === sameContract && sameAsset.row.decimals === decimals)
    return false;
  if (sameAsset !== undefined)
    faults.push(faultAt(placed.at, `asset ${asset} already stands at ${place(sameAsset.at)}`));
  if (sameContract !== undefined && sameContract !== sameAsset) {
    const what = contract === undefined ? "the native asset" : `contract ${contract}`;
    faults.push(faultAt(placed.at, `${what} already stands at ${place(sameContract.at)}`));
  }
  return false;
}

/** Each address's rows, newest first: the first that has begun holds. */
function historiesOf(rows: readonly LabelRow[]): ReadonlyMap<Address, readonly LabelRow[]> {
  const histories = new Map<Address, readonly LabelRow[]>();
  const begin = (row: LabelRow) => row.validFrom ?? Number.NEGATIVE_INFINITY;
  for (const row of rows.toSorted((one, other) => (begin(one) < begin(other) ? 1 : -1))) {
    histories.set(row.address, [...(histories.get(row.address) ?? []), row]);
  }
  return histories;
}

function holderAt(history: readonly LabelRow[] | undefined, time: number): string | null {
  if (history === undefined) return null;
  for (const row of history) if (row.validFrom === undefined || row.validFrom <= time) return row.exchange;
  return null;
}

/** Unix seconds of 00:00 UTC of an ISO date; undefined for a day that no calendar has. Postgres has no year 0. */
function midnightOf(date: string): number | undefined {
  if (!/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
  const at = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== date ? undefined : at / 1000;
}

function nativeAssetReason(chain: ChainName): string {
  return `${chain} has no native asset; add a row with an empty contract`;
}

function faultAt({ file, line }: SeedRecord, reason: string): Fault {
  return { file, line, reason };
}

function place({ file, line }: SeedRecord): string {
  return `${file}:${line}`;
}
