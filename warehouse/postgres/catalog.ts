import type { ChainName } from "../../stream/block.ts";
import type { AssetRow, LabelRow } from "../../stream/flow/labels.ts";
import type { Field } from "../rows.ts";
import type { Database, DbTransaction } from "./client.ts";
import { mergeRows, type Target } from "./copy.ts";

/** The rows of all label and asset files at one version. */
export interface CatalogRows {
  readonly version: string;
  readonly labels: readonly LabelRow[];
  readonly assets: readonly AssetRow[];
}

const LABELS: Target = {
  table: "labels",
  columns: ["label_version", "chain", "address", "valid_from", "exchange", "wallet", "role", "source"],
  key: ["label_version", "chain", "address", "valid_from"],
  onConflict: "do nothing",
};

const ASSETS: Target = {
  table: "assets",
  columns: ["label_version", "chain", "contract", "asset", "decimals"],
  key: ["label_version", "chain", "contract"],
  onConflict: "do nothing",
};

/**
 * Puts a version of labels and assets in force; earlier versions stay. Does nothing when it is the one in force, unless it
 * brings a chain whose rows another config, with the same files, has passed over.
 */
export async function syncCatalog(db: Database, catalog: CatalogRows): Promise<void> {
  const { version } = catalog;
  await db.transaction(async (dbTransaction) => {
    await dbTransaction.query("select pg_advisory_xact_lock(hashtext('sluice.label_versions'))");
    const inForce = (await versionInForce(dbTransaction)) === version;
    if (inForce && (await holdsChains(dbTransaction, catalog))) return;
    // The newest version has the latest time, also where the server's clock was set back since the one before.
    await dbTransaction.query(
      `insert into sluice.label_versions (label_version, applied_at)
       select $1, greatest(clock_timestamp(), max(applied_at) + interval '1 microsecond') from sluice.label_versions
       on conflict (label_version) do update set applied_at = excluded.applied_at`,
      [version],
    );
    await mergeRows(
      dbTransaction,
      ASSETS,
      catalog.assets.map((row) => assetRow(version, row)),
    );
    await mergeRows(
      dbTransaction,
      LABELS,
      catalog.labels.map((row) => labelRow(version, row)),
    );
  });
}

/** Whether the tables hold a version of a chain's labels: of each version that names it, they have an asset. */
export async function holdsVersion(
  db: Database,
  of: { readonly chain: ChainName; readonly version: string },
): Promise<boolean> {
  const rows = await db.query("select from public.assets where chain = $1 and label_version = $2 limit 1", [
    of.chain,
    of.version,
  ]);
  return rows.length > 0;
}

async function versionInForce(dbTransaction: DbTransaction): Promise<string | undefined> {
  const [row] = await dbTransaction.query<{ label_version: string }>(
    "select label_version from sluice.label_versions order by applied_at desc limit 1",
  );
  return row?.label_version;
}

/** Every chain has an asset, its native one. */
async function holdsChains(dbTransaction: DbTransaction, { version, assets }: CatalogRows): Promise<boolean> {
  const rows = await dbTransaction.query<{ chain: string }>(
    "select distinct chain from public.assets where label_version = $1",
    [version],
  );
  const held = new Set(rows.map((row) => row.chain));
  return assets.every((asset) => held.has(asset.chain));
}

function assetRow(version: string, row: AssetRow): readonly Field[] {
  return [version, row.chain, row.contract ?? null, row.asset, row.decimals];
}

function labelRow(version: string, row: LabelRow): readonly Field[] {
  const from = row.validFrom === undefined ? null : new Date(row.validFrom * 1000).toISOString().slice(0, 10);
  const texts = [row.wallet, row.role, row.source].map((text) => (text === "" ? null : text));
  return [version, row.chain, row.address, from, row.exchange, ...texts];
}
