import Table from "cli-table3";
import type { ChainName } from "../../stream/block.ts";
import type { Queryable } from "./client.ts";
import { printChange, printRounded } from "./decimal.ts";
import { isMigrated } from "./status.ts";

/**
 * A row of the 24 h table, named as the columns of `exchange_flows_24h_usd` and ready for JSON: amounts are exact decimals in
 * whole units (null when the asset file does not know the asset), changes ratios, times ISO 8601 in UTC. `token` is the asset
 * as TokenAnalyst wrote it: `BTC`, `ETH`, but `USDT_ERC20`.
 */
export interface Row24h {
  readonly chain: string;
  readonly exchange: string;
  readonly asset: string;
  readonly token: string;
  readonly window_start: string;
  readonly window_end: string;
  readonly inflow: string | null;
  readonly inflow_previous: string | null;
  readonly inflow_change: string | null;
  readonly outflow: string | null;
  readonly outflow_previous: string | null;
  readonly outflow_change: string | null;
  /** False while the chain is known for less than 24 complete hours. */
  readonly complete: boolean;
}

/** All contracts that assets have are of ERC-20. */
const TOKEN = `asset || case when exists (
    select from public.assets
    where assets.chain = flows.chain and assets.asset = flows.asset and assets.contract is not null
  ) then '_ERC20' else '' end as token`;

/** The 24 h table of all chains, or of one: the last 24 complete hours against the 24 before; empty in a database that was never filled. */
export async function table24h(db: Queryable, chain?: ChainName): Promise<readonly Row24h[]> {
  if (!(await isMigrated(db))) return [];
  const iso = (column: string) =>
    `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as ${column}`;
  return db.query<Row24h>(
    `select chain, exchange, asset, ${TOKEN}, ${iso("window_start")}, ${iso("window_end")},
       inflow, inflow_previous, inflow_change, outflow, outflow_previous, outflow_change, complete
     from public.exchange_flows_24h_usd as flows
     where $1::text is null or chain = $1
     order by chain, exchange, asset`,
    [chain ?? null],
  );
}

/** Decimals that a person is shown; `--json` has them all. */
export const SHOWN_DECIMALS = 4;
const UNKNOWN = "–";
const HEAD = ["Exchange", "Token", "Inflow", "Change", "Outflow", "Change"];

/** Prints the 24 h table, one block a chain. */
export function renderTable(rows: readonly Row24h[]): string {
  if (rows.length === 0) return "no complete hour with flows yet";
  const chains = [...new Set(rows.map((row) => row.chain))];
  return chains.map((chain) => renderChain(rows.filter((row) => row.chain === chain))).join("\n\n");
}

function renderChain(rows: readonly Row24h[]): string {
  const table = new Table({
    head: HEAD,
    colAligns: ["left", "left", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(cells(row));
  const [first] = rows;
  return `${first === undefined ? "" : title(first)}\n${table.toString()}`;
}

function title({ chain, window_end, complete }: Row24h): string {
  const end = `${window_end.slice(0, 16).replace("T", " ")} UTC`;
  const partial = complete ? "" : " (known for less than 24 complete hours)";
  return `${chain}: 24 hours to ${end}${partial}`;
}

function cells(row: Row24h): string[] {
  return [
    row.exchange,
    row.token,
    amountCell(row.inflow),
    changeCell(row.inflow, row.inflow_previous),
    amountCell(row.outflow),
    changeCell(row.outflow, row.outflow_previous),
  ];
}

function amountCell(amount: string | null): string {
  return amount === null ? UNKNOWN : printRounded(amount, SHOWN_DECIMALS);
}

function changeCell(now: string | null, before: string | null): string {
  if (now === null || before === null) return UNKNOWN;
  return printChange(now, before) ?? UNKNOWN;
}
