import type { Queryable } from "../../../warehouse/postgres/client.ts";

/** An hour made by hand: in flow and out flow of an exchange and asset; base units. */
export interface Hour {
  readonly hour: string;
  readonly inflow?: bigint;
  readonly outflow?: bigint;
  readonly exchange?: string;
  readonly asset?: string;
  readonly chain?: string;
  readonly fees?: bigint;
}

/** A chain whose first block and watermark are as given. */
export async function putChain(
  db: Queryable,
  chain: {
    readonly name?: string;
    readonly kind?: string;
    readonly firstHeight?: number;
    readonly first: string;
    readonly watermark: string | null;
  },
): Promise<void> {
  const { name = "ethereum", kind = "ethereum", firstHeight = 100, first, watermark } = chain;
  await db.query(
    `insert into public.chains values ($1, $2, $3, $4, $3, '0xb', $4, $5)
     on conflict (chain) do update set watermark = excluded.watermark`,
    [name, kind, firstHeight, first, watermark],
  );
}

export async function putHours(db: Queryable, hours: readonly Hour[]): Promise<void> {
  for (const {
    hour,
    inflow = 0n,
    outflow = 0n,
    exchange = "binance",
    asset = "ETH",
    chain = "ethereum",
    fees = 0n,
  } of hours) {
    await db.query(
      `insert into public.exchange_flows_hourly
         (chain, exchange, asset, hour, inflow, outflow, inflow_inter, outflow_inter, intra, inflow_txs, outflow_txs,
          inflow_transfers, outflow_transfers, issued, redeemed, fees, complete, first_height, last_height)
       values ($1, $2, $3, $4, $5, $6, 0, 0, 0, 1, 1, 2, 2, 0, 0, $7, false, 100, 101)`,
      [chain, exchange, asset, hour, inflow, outflow, fees],
    );
  }
}

/** Decimals of the assets, as a version of the asset file has them. */
export async function putAssets(
  db: Queryable,
  assets: Readonly<Record<string, number>>,
  version = "v1",
): Promise<void> {
  await db.query("insert into sluice.label_versions values ($1, clock_timestamp())", [version]);
  for (const [asset, decimals] of Object.entries(assets)) {
    const contract = asset === "ETH" ? null : `0x${asset.toLowerCase()}`;
    await db.query("insert into public.assets values ('ethereum', $1, $2, $3, $4)", [
      asset,
      contract,
      decimals,
      version,
    ]);
  }
}

/** Empties the tables that these helpers fill. */
export async function clear(db: Queryable): Promise<void> {
  await db.query(
    "truncate public.chains, public.exchange_flows_hourly, public.assets, public.labels, public.prices, sluice.label_versions",
  );
}
