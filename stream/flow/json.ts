import type { Address, BlockHash, BlockHeader, TxHash } from "../block.ts";
import type { Reorg } from "../finality.ts";
import type { BlockFlows, Evidence, Fee, FlowType, HourlyFlow, Leg, LegKind, WatermarkMark } from "./leg.ts";

/** The JSON of derived topics: names as the tables' columns, amounts as decimal strings, times in Unix seconds, hours in ISO 8601. */

/** A value that is no record of the topic that it stands in; the message says which field. */
export class RecordInvalid extends Error {
  override readonly name = "RecordInvalid";
}

type Fields = Readonly<Record<string, unknown>>;

/** The value of a record of `<chain>.flows.v1` (schema: `stream/schemas/flows.json`). */
export function flowsToJson(flows: BlockFlows): string {
  return JSON.stringify({
    height: flows.height,
    hash: flows.hash,
    time: flows.time,
    watermark: flows.watermark,
    label_version: flows.labelVersion,
    legs: flows.legs.map(legToFields),
    fees: flows.fees.map((fee) => ({ exchange: fee.exchange, asset: fee.asset, amount: String(fee.amount) })),
  });
}

/** Reads a record of `<chain>.flows.v1`. Throws `RecordInvalid`. */
export function flowsFromJson(text: string): BlockFlows {
  const fields = parse(text);
  return {
    height: integer(fields, "height"),
    hash: string(fields, "hash") as BlockHash,
    time: integer(fields, "time"),
    watermark: nullable(fields, "watermark", integer),
    labelVersion: string(fields, "label_version"),
    legs: list(fields, "legs").map(legFromFields),
    fees: list(fields, "fees").map(feeFromFields),
  };
}

/** The key of an hour's record in `<chain>.exchange-flows.v1`. */
export function hourlyKey(row: Pick<HourlyFlow, "exchange" | "asset" | "hour">): string {
  return `${row.exchange}|${row.asset}|${isoHour(row.hour)}`;
}

/** The key of the record that ends each block's outcome in `<chain>.exchange-flows.v1`. */
export const WATERMARK_KEY = "watermark";

/** The value of an hour's record (schema: `stream/schemas/exchange-flows.json`). */
export function hourlyToJson(row: HourlyFlow): string {
  return JSON.stringify({
    exchange: row.exchange,
    asset: row.asset,
    hour: isoHour(row.hour),
    inflow: String(row.inflow),
    outflow: String(row.outflow),
    netflow: String(row.inflow - row.outflow),
    inflow_inter: String(row.inflowInter),
    outflow_inter: String(row.outflowInter),
    intra: String(row.intra),
    inflow_txs: row.inflowTxs,
    outflow_txs: row.outflowTxs,
    inflow_transfers: row.inflowTransfers,
    outflow_transfers: row.outflowTransfers,
    issued: String(row.issued),
    redeemed: String(row.redeemed),
    fees: String(row.fees),
    complete: row.complete,
    first_height: row.firstHeight,
    last_height: row.lastHeight,
  });
}

/** Reads an hour's record. Throws `RecordInvalid`. */
export function hourlyFromJson(text: string): HourlyFlow {
  const fields = parse(text);
  return {
    exchange: string(fields, "exchange"),
    asset: string(fields, "asset"),
    hour: Date.parse(string(fields, "hour")) / 1000,
    inflow: amount(fields, "inflow"),
    outflow: amount(fields, "outflow"),
    inflowInter: amount(fields, "inflow_inter"),
    outflowInter: amount(fields, "outflow_inter"),
    intra: amount(fields, "intra"),
    inflowTxs: integer(fields, "inflow_txs"),
    outflowTxs: integer(fields, "outflow_txs"),
    inflowTransfers: integer(fields, "inflow_transfers"),
    outflowTransfers: integer(fields, "outflow_transfers"),
    issued: amount(fields, "issued"),
    redeemed: amount(fields, "redeemed"),
    fees: amount(fields, "fees"),
    complete: fields["complete"] === true,
    firstHeight: integer(fields, "first_height"),
    lastHeight: integer(fields, "last_height"),
  };
}

/** The value of a watermark record (schema: `stream/schemas/watermark.json`). */
export function markToJson(mark: WatermarkMark): string {
  const { height, hash, time, watermark, firstHeight, firstTime, openFrom } = mark;
  const first = { first_height: firstHeight, first_time: firstTime };
  return JSON.stringify({ height, hash, time, watermark, ...first, open_from: openFrom });
}

/** Reads a watermark record. Throws `RecordInvalid`. */
export function markFromJson(text: string): WatermarkMark {
  const fields = parse(text);
  return {
    height: integer(fields, "height"),
    hash: string(fields, "hash") as BlockHash,
    time: integer(fields, "time"),
    watermark: nullable(fields, "watermark", integer),
    firstHeight: integer(fields, "first_height"),
    firstTime: integer(fields, "first_time"),
    openFrom: nullable(fields, "open_from", integer),
  };
}

/** The value of a record of `<chain>.reorgs.v1` (schema: `stream/schemas/reorgs.json`); its key is the raw offset. */
export function reorgToJson(reorg: Reorg): string {
  return JSON.stringify({
    raw_offset: reorg.rawOffset,
    old_tip_height: reorg.oldTip.height,
    old_tip_hash: reorg.oldTip.hash,
    new_tip_height: reorg.newTip.height,
    new_tip_hash: reorg.newTip.hash,
    ancestor_height: reorg.ancestor.height,
    ancestor_hash: reorg.ancestor.hash,
    depth: reorg.depth,
    orphaned: reorg.orphaned.map(({ height, hash, parent, time }) => ({ height, hash, parent, time })),
  });
}

/** Reads a record of `<chain>.reorgs.v1`. Throws `RecordInvalid`. */
export function reorgFromJson(text: string): Reorg {
  const fields = parse(text);
  const ref = (name: string) => ({
    height: integer(fields, `${name}_height`),
    hash: string(fields, `${name}_hash`) as BlockHash,
  });
  return {
    rawOffset: integer(fields, "raw_offset"),
    oldTip: ref("old_tip"),
    newTip: ref("new_tip"),
    ancestor: ref("ancestor"),
    depth: integer(fields, "depth"),
    orphaned: list(fields, "orphaned").map(headerFromFields),
  };
}

/** `2023-07-13T17:00:00Z`: an hour as keys and values print it; `hour` in Unix seconds. */
export function isoHour(hour: number): string {
  return `${new Date(hour * 1000).toISOString().slice(0, 19)}Z`;
}

function legToFields(leg: Leg): Fields {
  return {
    leg: leg.leg,
    tx_hash: leg.txHash,
    asset: leg.asset,
    kind: leg.kind,
    flow_type: leg.flowType,
    from_exchange: leg.fromExchange,
    to_exchange: leg.toExchange,
    from_address: leg.fromAddress,
    to_address: leg.toAddress,
    amount: String(leg.amount),
    evidence: leg.evidence,
  };
}

function legFromFields(fields: Fields): Leg {
  return {
    leg: integer(fields, "leg"),
    txHash: nullable(fields, "tx_hash", string) as TxHash | null,
    asset: string(fields, "asset"),
    kind: string(fields, "kind") as LegKind,
    flowType: string(fields, "flow_type") as FlowType,
    fromExchange: nullable(fields, "from_exchange", string),
    toExchange: nullable(fields, "to_exchange", string),
    fromAddress: nullable(fields, "from_address", string) as Address | null,
    toAddress: nullable(fields, "to_address", string) as Address | null,
    amount: amount(fields, "amount"),
    evidence: string(fields, "evidence") as Evidence,
  };
}

function feeFromFields(fields: Fields): Fee {
  return {
    exchange: string(fields, "exchange"),
    asset: string(fields, "asset"),
    amount: amount(fields, "amount"),
  };
}

function headerFromFields(fields: Fields): BlockHeader {
  return {
    height: integer(fields, "height"),
    hash: string(fields, "hash") as BlockHash,
    parent: string(fields, "parent") as BlockHash,
    time: integer(fields, "time"),
  };
}

function parse(text: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch (cause) {
    throw new RecordInvalid("a record's value is not JSON", { cause });
  }
}

function integer(fields: Fields, name: string): number {
  const value = fields[name];
  if (!Number.isSafeInteger(value)) throw new RecordInvalid(`field ${name} is not an integer`);
  return value as number;
}

function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new RecordInvalid(`field ${name} is not text`);
  return value;
}

function amount(fields: Fields, name: string): bigint {
  const text = string(fields, name);
  if (!/^-?\d+$/.test(text)) throw new RecordInvalid(`field ${name} is no decimal amount`);
  return BigInt(text);
}

function list(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new RecordInvalid(`field ${name} is not a list`);
  return value as readonly Fields[];
}

function nullable<T>(fields: Fields, name: string, read: (fields: Fields, name: string) => T): T | null {
  return fields[name] === null ? null : read(fields, name);
}
