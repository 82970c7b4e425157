import { expect, test } from "vitest";
import type { ChainName } from "../../stream/block.ts";
import { type Day, dayEnd } from "../../warehouse/day.ts";
import { DayStore } from "../../warehouse/lake/day-store.ts";
import type { LakeEdge } from "../../warehouse/lake/edge.ts";
import { LAKE_TABLES } from "../../warehouse/lake/tables.ts";
import { LAKE, SimLake } from "./lake.ts";
import { SimProcess } from "./process.ts";
import { seeded } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

const DAYS = ["2023-11-14", "2023-11-15"] as const as readonly string[] as readonly Day[];
const FILES = {
  lake: LAKE,
  staging: `${LAKE}.staging`,
  chain: "sim" as ChainName,
  spec: LAKE_TABLES.blocks,
};

/** More effects than the writer of this story has. */
const EFFECTS = 60;

async function open({ disk, openFormat }: LakeEdge): Promise<DayStore> {
  return DayStore.open({ disk, format: await openFormat() }, FILES, "parquet-sim");
}

/** Two days, a block each; the first one is over, then the second block is taken back, and its day with it. */
async function write(edge: LakeEdge): Promise<void> {
  await edge.disk.makeFolders(FILES.staging);
  const store = await open(edge);
  for (const [height, day] of DAYS.entries()) {
    store.add({ day, offset: height, line: `sim,${height},0xa,0xb,${day}T10:00:00Z,final\n` });
    store.advance({ nextOffset: height + 1, height, rewinds: 0, watermark: null });
    await store.flush(null);
  }
  await store.flush(dayEnd(DAYS[0] as Day));
  await store.takeBack({ nextOffset: 3, height: 0, rewinds: 1, watermark: null }, DAYS[0] as Day);
}

/** What the lake's files say, as a writer finds them. */
async function find(edge: LakeEdge): Promise<unknown> {
  await open(edge);
  return [...(await (await edge.openFormat()).readMetas(FILES))];
}

test("what a writer finds stands through a power cut, wherever its predecessor was killed", async () => {
  const found = new Set<string>();
  for (let seed = 1; seed <= 5 * EFFECTS; seed += 1) {
    const scheduler = new Scheduler(seed);
    const lake = new SimLake(seeded(seed));
    const start = (killAt: number) => {
      let effects = 0;
      const at = () => {
        effects += 1;
        return effects === killAt ? ({ kind: "kill" } as const) : undefined;
      };
      return new SimProcess("parquet.0", scheduler, { at, fault: () => false, powerCut: () => undefined });
    };
    const doomed = start(seed % EFFECTS);
    const death = new Promise<void>((resolve) => doomed.onDeath(resolve));
    await scheduler.drive(Promise.race([write(lake.open(doomed)), death]));
    const before = await scheduler.drive(find(lake.open(start(0))));
    lake.powerCut();
    expect(await scheduler.drive(find(lake.open(start(0)))), `seed ${seed}`).toEqual(before);
    found.add(JSON.stringify(before));
  }
  // Nothing; the first day; both; both with the first one closed; both with that one cut; it alone.
  expect(found.size).toBe(6);
});
