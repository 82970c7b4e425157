import type { BlockFlows, HourlyFlow, Leg, WatermarkMark } from "./flow/leg.ts";
import { lastTimed, medianTimePast, type TimedBlock } from "./median-time.ts";
import { unreachable } from "./unreachable.ts";

/** Seconds of the hours that aggregates are for; each begins at a multiple of it. */
export const HOUR_S = 3600;

/** A chain whose first block is at this height or below is known from its beginning: nothing flowed before. */
const BEGINNING_HEIGHT = 1;

/** Where a chain's watermark comes from: each block's flows state it, or it is the median time past of the blocks. */
export type WatermarkRule = "stated" | "medianTimePast";

/** The chain's first block in Sluice; `firstTime` in Unix seconds. */
export interface FirstBlock {
  readonly firstHeight: number;
  readonly firstTime: number;
}

/** An hour that a future block can still fall into. */
interface OpenHour {
  /** Offset of the oldest flows record that contributed, and its block's height. */
  readonly offset: number;
  readonly height: number;
  /** By exchange and asset. */
  readonly rows: ReadonlyMap<string, HourlyFlow>;
}

/** The open hours of a chain, and the blocks that its watermark rests on: all that aggregate remembers. */
export interface Aggregation {
  readonly first: FirstBlock;
  readonly watermarkRule: WatermarkRule;
  /** Oldest first; none where flows state the watermark. */
  readonly recent: readonly TimedBlock[];
  /** Hours that begin before this time (Unix seconds) may lack blocks from before the first one: never complete. */
  readonly coveredFrom: number;
  /** By the hour's beginning, Unix seconds. */
  readonly hours: ReadonlyMap<number, OpenHour>;
}

/** What one block does to the aggregates. */
export interface BlockOutcome {
  readonly state: Aggregation;
  /** The rows that the block touched, then all rows of the hours that it completed. */
  readonly changed: readonly HourlyFlow[];
  readonly mark: WatermarkMark;
}

/** The aggregates before any block. `lagS`: by how many seconds an earlier block may carry a later time (Bitcoin 7200, Ethereum 0). */
export function beginAggregation(
  first: FirstBlock,
  lagS: number,
  watermarkRule: WatermarkRule = "stated",
): Aggregation {
  const coveredFrom =
    first.firstHeight <= BEGINNING_HEIGHT ? Number.NEGATIVE_INFINITY : first.firstTime + lagS;
  return { first, watermarkRule, coveredFrom, recent: [], hours: new Map() };
}

/** Adds a final block's flows, read at `offset`. */
export function addBlock(state: Aggregation, flows: BlockFlows, offset: number): BlockOutcome {
  const hour = flows.time - (flows.time % HOUR_S);
  const before = state.hours.get(hour) ?? {
    offset,
    height: flows.height,
    rows: new Map<string, HourlyFlow>(),
  };
  const touched = touchedRows(before, flows, hour);
  const rows = new Map([...before.rows, ...touched]);
  const hours = rows.size === 0 ? state.hours : new Map(state.hours).set(hour, { ...before, rows });
  const { height, hash, time } = flows;
  const recent = state.watermarkRule === "stated" ? [] : lastTimed(state.recent, { height, time, offset });
  const watermark =
    state.watermarkRule === "stated" ? flows.watermark : medianTimePast(recent, state.first.firstHeight);
  const { open, completed } = close({ ...state, hours }, watermark);
  const after = { ...state, recent, hours: open };
  return {
    state: after,
    changed: [...touched.values(), ...completed],
    mark: { height, hash, time, watermark, ...state.first, openFrom: openFrom(after) },
  };
}

function openFrom(state: Aggregation): number | null {
  const heights = [...state.recent.slice(0, 1), ...state.hours.values()].map(({ height }) => height);
  return heights.length === 0 ? null : Math.min(...heights);
}

/** The oldest flows offset that is still needed to rebuild the open hours and the watermark; `next` where none is. */
export function holdOffset(state: Aggregation, next: number): number {
  let oldest = state.recent[0]?.offset ?? next;
  for (const hour of state.hours.values()) oldest = Math.min(oldest, hour.offset);
  return oldest;
}

/** Takes out the hours that no valid future block can fall into; those that are covered are complete. */
function close(state: Aggregation, watermark: number | null) {
  const open = new Map<number, OpenHour>();
  const completed: HourlyFlow[] = [];
  for (const [hour, content] of state.hours) {
    if (watermark === null || hour + HOUR_S > watermark) open.set(hour, content);
    else if (hour >= state.coveredFrom) completed.push(...complete(content));
  }
  return { open, completed };
}

function complete(hour: OpenHour): readonly HourlyFlow[] {
  return [...hour.rows.values()].map((row) => ({ ...row, complete: true }));
}

/** A row that is still being added to: a copy for each leg and figure would be most of the stage's work. */
type OpenRow = { -readonly [Column in keyof HourlyFlow]: HourlyFlow[Column] };

/** The row of an exchange and an asset, the block's own to add to. */
type RowOf = (exchange: string, asset: string) => OpenRow;

/** The rows of `hour` that the block contributes to, as they are after it. */
function touchedRows(before: OpenHour, flows: BlockFlows, hour: number): ReadonlyMap<string, HourlyFlow> {
  const touched = new Map<string, OpenRow>();
  const rowOf: RowOf = (exchange, asset) => {
    const key = `${exchange}|${asset}`;
    const known = touched.get(key);
    if (known !== undefined) return known;
    const row = { ...(before.rows.get(key) ?? emptyRow({ exchange, asset, hour }, flows.height)) };
    row.lastHeight = flows.height;
    touched.set(key, row);
    return row;
  };
  const firstSeen = firstTimeSeen();
  for (const leg of flows.legs) addLeg(leg, rowOf, firstSeen);
  for (const { exchange, asset, amount } of flows.fees) {
    if (amount !== 0n) rowOf(exchange, asset).fees += amount;
  }
  return touched;
}

/** Tells, once for each, 1: so that a transaction with many legs counts as one. */
type FirstSeen = (way: "in" | "out", exchange: string, leg: Leg) => number;

function firstTimeSeen(): FirstSeen {
  const seen = new Set<string>();
  return (way, exchange, { asset, txHash }) => {
    const key = `${way}|${exchange}|${asset}|${txHash ?? ""}`;
    if (seen.has(key)) return 0;
    seen.add(key);
    return 1;
  };
}

function addLeg(leg: Leg, rowOf: RowOf, firstSeen: FirstSeen): void {
  switch (leg.flowType) {
    case "inflow":
      addInflow(leg, rowOf, firstSeen);
      break;
    case "outflow":
      addOutflow(leg, rowOf, firstSeen);
      break;
    case "inter":
      addOutflow(leg, rowOf, firstSeen);
      addInflow(leg, rowOf, firstSeen);
      break;
    case "intra":
      rowOf(labelled(leg.fromExchange, leg), leg.asset).intra += leg.amount;
      break;
    case "issued":
      rowOf(labelled(leg.toExchange, leg), leg.asset).issued += leg.amount;
      break;
    case "redeemed":
      rowOf(labelled(leg.fromExchange, leg), leg.asset).redeemed += leg.amount;
      break;
    default:
      unreachable(leg.flowType);
  }
}

function addInflow(leg: Leg, rowOf: RowOf, firstSeen: FirstSeen): void {
  const exchange = labelled(leg.toExchange, leg);
  const row = rowOf(exchange, leg.asset);
  row.inflow += leg.amount;
  if (leg.flowType === "inter") row.inflowInter += leg.amount;
  row.inflowTransfers += 1;
  row.inflowTxs += firstSeen("in", exchange, leg);
}

function addOutflow(leg: Leg, rowOf: RowOf, firstSeen: FirstSeen): void {
  const exchange = labelled(leg.fromExchange, leg);
  const row = rowOf(exchange, leg.asset);
  row.outflow += leg.amount;
  if (leg.flowType === "inter") row.outflowInter += leg.amount;
  row.outflowTransfers += 1;
  row.outflowTxs += firstSeen("out", exchange, leg);
}

/** A leg whose labelled side has no label: the flow rule that made it is broken. */
export class LegUnlabelled extends Error {
  override readonly name = "LegUnlabelled";
  readonly leg: Leg;
  constructor(leg: Leg) {
    super(
      `leg ${leg.leg} of transaction ${leg.txHash} is ${leg.flowType} but names no exchange on that side`,
    );
    this.leg = leg;
  }
}

function labelled(exchange: string | null, leg: Leg): string {
  if (exchange === null) throw new LegUnlabelled(leg);
  return exchange;
}

function emptyRow(
  { exchange, asset, hour }: Pick<HourlyFlow, "exchange" | "asset" | "hour">,
  height: number,
): HourlyFlow {
  return {
    exchange,
    asset,
    hour,
    inflow: 0n,
    outflow: 0n,
    inflowInter: 0n,
    outflowInter: 0n,
    intra: 0n,
    inflowTxs: 0,
    outflowTxs: 0,
    inflowTransfers: 0,
    outflowTransfers: 0,
    issued: 0n,
    redeemed: 0n,
    fees: 0n,
    complete: false,
    firstHeight: height,
    lastHeight: height,
  };
}
