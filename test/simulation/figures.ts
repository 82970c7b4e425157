import type { SimBlock, TimeRule } from "./chain.ts";
import { LABEL_VERSION } from "./rule.ts";

/** Exchange flows worked out a second time, from the final chain and DESIGN §5 alone: every figure is summed anew over all blocks. */

const HOUR_S = 3600;
const MEDIAN_SPAN = 11;
/** By how much an earlier block may carry a later time (DESIGN §5: Bitcoin 2 h). */
export const LAG_S: Readonly<Record<TimeRule, number>> = { ascending: 0, "above the median": 7200 };

/** One row of the hourly table, by its columns' names. */
export type OracleRow = Readonly<Record<string, string | number | boolean>>;

/** The final chain up to a block, and how its times go. */
export interface FinalChain {
  readonly blocks: readonly SimBlock[];
  readonly timeRule: TimeRule;
}

/** The time below which no later block can fall; null: not known yet. */
export function watermarkOf({ blocks, timeRule }: FinalChain): number | null {
  const newest = blocks.at(-1) as SimBlock;
  if (timeRule === "ascending") return newest.time;
  const start = (blocks[0] as SimBlock).height;
  const times = blocks.slice(-MEDIAN_SPAN).map(({ time }) => time);
  if (start > 1 && times.length < MEDIAN_SPAN) return null;
  if (start === 1 && times.length < MEDIAN_SPAN) times.push(Number.NEGATIVE_INFINITY);
  return times.sort((one, other) => one - other)[times.length >> 1] as number;
}

/** The height of the oldest block that open hours, or the next watermark, still rest on; null: none. */
export function openFrom(chain: FinalChain): number | null {
  const { blocks, timeRule } = chain;
  const watermark = watermarkOf(chain) ?? Number.NEGATIVE_INFINITY;
  const open = blocks.filter(
    (block) => touchedBy(block).length > 0 && block.time - (block.time % HOUR_S) + HOUR_S > watermark,
  );
  const timed = timeRule === "ascending" ? [] : blocks.slice(-MEDIAN_SPAN);
  const heights = [...open, ...timed].map(({ height }) => height);
  return heights.length === 0 ? null : Math.min(...heights);
}

/** The value of a block's flows record. */
export function flowsText(block: SimBlock, timeRule: TimeRule): string {
  const { height, hash, time, payload } = block;
  return JSON.stringify({
    height,
    hash,
    time,
    watermark: timeRule === "ascending" ? time : null,
    label_version: LABEL_VERSION,
    legs: legsOf(block),
    fees: payload.fees.map(({ exchange, amount }) => ({ exchange, asset: "ETH", amount })),
  });
}

/** The legs of a block by the columns' names. */
export function legsOf({ hash, payload }: SimBlock) {
  return payload.legs.map(({ flowType, from, to, asset, amount, tx }, leg) => ({
    leg,
    tx_hash: `${hash}-${tx}`,
    asset,
    kind: asset === "ETH" ? "native" : "token",
    flow_type: flowType,
    from_exchange: from,
    to_exchange: to,
    from_address: from === null ? null : `wallet of ${from}`,
    to_address: to === null ? null : `wallet of ${to}`,
    amount,
    evidence: "block",
  }));
}

/** All rows of a final chain, by their keys. */
export function rowsOf(chain: FinalChain): ReadonlyMap<string, OracleRow> {
  const rows = new Map<string, OracleRow>();
  for (const block of chain.blocks) {
    for (const { exchange, asset } of touchedBy(block)) {
      const hour = block.time - (block.time % HOUR_S);
      const key = `${exchange}|${asset}|${iso(hour)}`;
      if (!rows.has(key)) rows.set(key, rowOf(chain, { exchange, asset, hour }));
    }
  }
  return rows;
}

/** The keys of the rows that the newest block changes: its own, and those of the hours that it completes. */
export function changedBy(chain: FinalChain, rows: ReadonlyMap<string, OracleRow>): ReadonlySet<string> {
  const newest = chain.blocks.at(-1) as SimBlock;
  const hour = iso(newest.time - (newest.time % HOUR_S));
  const own = touchedBy(newest).map(({ exchange, asset }) => `${exchange}|${asset}|${hour}`);
  const before =
    chain.blocks.length === 1 ? null : watermarkOf({ ...chain, blocks: chain.blocks.slice(0, -1) });
  const completed = [...rows].filter(([, row]) => {
    const end = Date.parse(String(row["hour"])) / 1000 + HOUR_S;
    return row["complete"] === true && !(before !== null && end <= before);
  });
  return new Set([...own, ...completed.map(([key]) => key)]);
}

/** The value of an hour's record. */
export function rowText(row: OracleRow): string {
  return JSON.stringify(row);
}

function touchedBy({ payload }: SimBlock): readonly { readonly exchange: string; readonly asset: string }[] {
  const ofLegs = payload.legs.flatMap(({ from, to, asset }) =>
    [from, to].flatMap((exchange) => (exchange === null ? [] : [{ exchange, asset }])),
  );
  const ofFees = payload.fees.filter(({ amount }) => amount !== "0");
  return [...ofLegs, ...ofFees.map(({ exchange }) => ({ exchange, asset: "ETH" }))];
}

function rowOf(
  chain: FinalChain,
  { exchange, asset, hour }: { readonly exchange: string; readonly asset: string; readonly hour: number },
): OracleRow {
  const blocks = chain.blocks.filter(({ time }) => time - (time % HOUR_S) === hour);
  const legs = blocks.flatMap(({ hash, payload }) =>
    payload.legs.filter((leg) => leg.asset === asset).map((leg) => ({ ...leg, id: `${hash}-${leg.tx}` })),
  );
  const into = legs.filter(
    ({ to, flowType }) => to === exchange && (flowType === "inflow" || flowType === "inter"),
  );
  const out = legs.filter(
    ({ from, flowType }) => from === exchange && (flowType === "outflow" || flowType === "inter"),
  );
  const fees = blocks
    .flatMap(({ payload }) => (asset === "ETH" ? payload.fees : []))
    .filter((fee) => fee.exchange === exchange);
  const own = (flowType: string) =>
    legs.filter((leg) => leg.flowType === flowType && (leg.from ?? leg.to) === exchange);
  const heights = blocks
    .filter((block) => touchedBy(block).some((row) => row.exchange === exchange && row.asset === asset))
    .map(({ height }) => height);
  const inflow = sum(into);
  const outflow = sum(out);
  return {
    exchange,
    asset,
    hour: iso(hour),
    inflow: String(inflow),
    outflow: String(outflow),
    netflow: String(inflow - outflow),
    inflow_inter: String(sum(into.filter(({ flowType }) => flowType === "inter"))),
    outflow_inter: String(sum(out.filter(({ flowType }) => flowType === "inter"))),
    intra: String(sum(own("intra"))),
    inflow_txs: new Set(into.map(({ id }) => id)).size,
    outflow_txs: new Set(out.map(({ id }) => id)).size,
    inflow_transfers: into.length,
    outflow_transfers: out.length,
    issued: String(sum(own("issued"))),
    redeemed: String(sum(own("redeemed"))),
    fees: String(sum(fees)),
    complete: isComplete(chain, hour),
    first_height: Math.min(...heights),
    last_height: Math.max(...heights),
  };
}

function isComplete(chain: FinalChain, hour: number): boolean {
  const watermark = watermarkOf(chain);
  const [first] = chain.blocks as readonly [SimBlock];
  const covered = first.height <= 1 || hour >= first.time + LAG_S[chain.timeRule];
  return covered && watermark !== null && hour + HOUR_S <= watermark;
}

function sum(parts: readonly { readonly amount: string }[]): bigint {
  return parts.reduce((total, { amount }) => total + BigInt(amount), 0n);
}

function iso(hour: number): string {
  return `${new Date(hour * 1000).toISOString().slice(0, 19)}Z`;
}
