import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Day } from "../../warehouse/day.ts";
import { dayPath, publishDay } from "../../warehouse/lake/day-file.ts";
import { LAKE_EDGE, type LakeEdge } from "../../warehouse/lake/edge.ts";
import { LAKE_TABLES, type LakeTable } from "../../warehouse/lake/tables.ts";
import { rowsOf } from "../warehouse/lake/reading.ts";
import { CHAIN } from "../warehouse/lake/story.ts";
import { LAKE, SimLake } from "./lake.ts";
import { SimProcess } from "./process.ts";
import { seeded } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

const DAYS = ["2023-07-13", "2023-07-14"] as Day[];

function hourLine(day: Day, [exchange, hour, figure]: readonly [string, string, number]): string {
  const figures = Array.from({ length: 13 }, (_, at) => figure + at);
  return `${CHAIN},${exchange},ETH,${day}T${hour}:00:00Z,${figures.join(",")},false,${figure},${figure}\n`;
}

function blockLine(day: Day, height: number): string {
  return `${CHAIN},${height},0xa${height},0xb,${day}T10:00:00Z,final\n`;
}

/** Two days of two tables, written thrice, with rows that take the place of others and a cut. */
async function play({ disk, openFormat }: LakeEdge, lake: string): Promise<readonly unknown[]> {
  const format = await openFormat();
  const staging = `${lake}.staging`;
  const outcomes: unknown[] = [];
  const put = async (
    table: LakeTable,
    day: Day,
    text: string | undefined,
    meta: { readonly height: number; readonly closed: boolean; readonly upTo?: number },
  ) => {
    const files = { lake, staging, chain: CHAIN, spec: LAKE_TABLES[table] };
    const csv = text === undefined ? undefined : `${staging}/rows.csv`;
    if (csv !== undefined) await disk.write(csv, text ?? "");
    const position = {
      nextOffset: meta.height + 1,
      height: meta.height,
      rewinds: meta.closed ? 2 : 0,
      watermark: meta.closed ? meta.height : null,
    };
    const cut = meta.upTo === undefined ? {} : { upTo: meta.upTo };
    const staged = await format.stage(files, day, {
      csv,
      meta: { ...position, closed: meta.closed },
      ...cut,
    });
    outcomes.push(await format.isWithoutRows(staged));
    await publishDay(disk, files, day, staged);
    outcomes.push(
      [...(await format.readMetas(files))].sort(),
      [...(await format.readMetas(files, day))],
      await disk.exists(dayPath(files, day)),
    );
  };
  for (const day of DAYS) {
    await put("blocks", day, undefined, { height: 1, closed: false });
    await put("blocks", day, blockLine(day, 2) + blockLine(day, 3), { height: 3, closed: false });
    await put("blocks", day, blockLine(day, 4), { height: 4, closed: true });
    await put("exchange_flows_hourly", day, hourLine(day, ["b", "11", 1]) + hourLine(day, ["a", "11", 2]), {
      height: 2,
      closed: false,
    });
    await put("exchange_flows_hourly", day, hourLine(day, ["b", "11", 3]) + hourLine(day, ["b", "10", 4]), {
      height: 4,
      closed: false,
    });
  }
  await put("blocks", DAYS[0] as Day, undefined, { height: 5, closed: false, upTo: 2 });
  format.close();
  return outcomes;
}

/** As `rowsOf` prints a row: a value that is null has its word. */
function line(text: string): string {
  return text
    .split(",")
    .map((field) => field.replace(/T(..:..:..)Z$/, " $1+00"))
    .join("|");
}

test("the simulated day files hold what parquet holds", async () => {
  const scheduler = new Scheduler(1);
  const process = new SimProcess("a", scheduler, {
    at: () => undefined,
    fault: () => false,
    powerCut: () => undefined,
  });
  const simulated = new SimLake(seeded(1));
  const edge = simulated.open(process);
  const outcomes = await scheduler.drive(
    edge.disk.makeFolders(`${LAKE}.staging`).then(() => play(edge, LAKE)),
  );

  const lake = join(mkdtempSync(join(tmpdir(), "sluice-lake-")), "lake");
  try {
    mkdirSync(`${lake}.staging`);
    expect(await play(LAKE_EDGE, lake)).toEqual(outcomes);
    for (const table of ["blocks", "exchange_flows_hourly"] as const) {
      const found = [...simulated.days(CHAIN, table)].flatMap(([day, { lines }]) =>
        lines.map((one) => `${day} ${line(one)}`),
      );
      expect(found.sort()).toEqual([...(await rowsOf(lake, table))].sort());
    }
  } finally {
    rmSync(join(lake, ".."), { recursive: true });
  }
});
