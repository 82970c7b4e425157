import type { BlockHeader, ChainName } from "../stream/block.ts";
import type { BlockFlows, HourlyFlow } from "../stream/flow/leg.ts";

/** Rows as both stores hold them, their fields in the order of the columns in `lake/tables.ts`. */

/** A value of a row. */
export type Field = string | number | bigint | boolean | null;

/** A row of `blocks`. */
export function blockFields(
  chain: ChainName,
  block: BlockHeader,
  status: "final" | "orphaned",
): readonly Field[] {
  return [chain, block.height, block.hash, block.parent, timestamp(block.time), status];
}

/** The rows of `flow_legs` of one block, in the order of `leg`. */
export function legFields(chain: ChainName, flows: BlockFlows): readonly (readonly Field[])[] {
  const time = timestamp(flows.time);
  return flows.legs.map((leg) => [
    chain,
    flows.height,
    flows.hash,
    time,
    leg.txHash,
    leg.leg,
    leg.asset,
    leg.kind,
    leg.flowType,
    leg.fromExchange,
    leg.toExchange,
    leg.fromAddress,
    leg.toAddress,
    leg.amount,
    leg.evidence,
    flows.labelVersion,
  ]);
}

/** A row of `exchange_flows_hourly`. */
export function hourlyFields(chain: ChainName, row: HourlyFlow): readonly Field[] {
  return [
    chain,
    row.exchange,
    row.asset,
    timestamp(row.hour),
    row.inflow,
    row.outflow,
    row.inflow - row.outflow,
    row.inflowInter,
    row.outflowInter,
    row.intra,
    row.inflowTxs,
    row.outflowTxs,
    row.inflowTransfers,
    row.outflowTransfers,
    row.issued,
    row.redeemed,
    row.fees,
    row.complete,
    row.firstHeight,
    row.lastHeight,
  ];
}

/** Unix seconds as both stores read an instant: `2023-07-13T17:00:00Z`. */
export function timestamp(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
