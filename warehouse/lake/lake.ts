import { join } from "node:path";
import type { ChainName } from "../../stream/block.ts";
import type { Day } from "../day.ts";
import { beginTenure, type Tenure } from "../tenure.ts";
import { type DayMeta, settleDays, stagingOf, type TablePlace } from "./day-file.ts";
import { DayStore } from "./day-store.ts";
import type { DayFormat, LakeEdge } from "./edge.ts";
import { isOver, startOf } from "./progress.ts";
import { LAKE_TABLES, type LakeTable } from "./tables.ts";

/** One chain's part of the lake, held by its one writer. */
export interface ChainLake {
  readonly stores: Readonly<Record<LakeTable, DayStore>>;
  /** Whether another writer took over: nothing of ours goes into the lake any more. */
  isLost(): Promise<boolean>;
  close(): Promise<void>;
}

/** Takes the chain's part of the lake over from whoever wrote it before, and reads where the files stand. */
export async function openChainLake(
  edge: LakeEdge,
  where: { readonly lake: string; readonly chain: ChainName; readonly owner: string },
): Promise<ChainLake> {
  const { lake, chain, owner } = where;
  const { disk } = edge;
  const tenure = await beginTenure(join(stagingOf(lake), chain), disk);
  const staging = tenure.folder;
  const format = await edge.openFormat(join(staging, "spill"));
  try {
    const open = (table: LakeTable) =>
      DayStore.open({ disk, format }, { lake, staging, chain, spec: LAKE_TABLES[table] }, owner);
    const stores = {
      blocks: await open("blocks"),
      flow_legs: await open("flow_legs"),
      exchange_flows_hourly: await open("exchange_flows_hourly"),
    };
    return { stores, isLost: tenure.isOver, close: () => close(format, tenure) };
  } catch (error) {
    await close(format, tenure);
    throw error;
  }
}

/** Whether the files hold all rows up to `until`, durably, and are closed where they can be, as they say themselves; begins no tenure. */
export async function isStored(
  edge: LakeEdge,
  where: { readonly chain: ChainName; readonly until: number | undefined },
  lake: string,
): Promise<boolean> {
  const { chain, until } = where;
  if (until === undefined) return false;
  const format = await edge.openFormat();
  try {
    const places = Object.values(LAKE_TABLES).map((spec) => ({ lake, chain, spec }));
    const tables = await Promise.all(places.map((place) => format.readMetas(place)));
    const starts = tables.map((metas) => startOf(metas.values()));
    if (starts.some((start) => start === undefined || start.height < until)) return false;
    const watermark = Math.max(...starts.map((start) => start?.watermark ?? 0));
    const days = new Set(tables.flatMap((metas) => [...metas.keys()]));
    if (![...days].every((day) => tables.every((metas) => isLast(metas.get(day), day, watermark))))
      return false;
    for (const [at, metas] of tables.entries()) await settleDays(edge.disk, places[at] as TablePlace, metas);
    return true;
  } finally {
    format.close();
  }
}

function isLast(meta: DayMeta | undefined, day: Day, watermark: number): boolean {
  return meta !== undefined && (meta.closed || !isOver(day, watermark));
}

async function close(format: DayFormat, tenure: Tenure): Promise<void> {
  format.close();
  await tenure.end();
}
