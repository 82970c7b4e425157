import type { Compared } from "../../warehouse/canonical.ts";
import { LAKE_TABLES } from "../../warehouse/lake/tables.ts";
import { canonicalLines } from "./lines.ts";
import type { Row } from "./sql.ts";

/** What the feed asks Postgres, worked out over the tables by hand: its questions are known by how they begin. */

/** The rows of a table, as the one who asks sees them. */
export type Read = (table: string) => readonly Row[];

/** Answers a question. */
export type Answer = (read: Read, values: readonly unknown[]) => readonly Readonly<Record<string, unknown>>[];

/** The least of so many newest blocks bounds the time of all that come (the feed's own query says why). */
const MEDIAN_SPAN = 11;
const BITCOIN_LAG_S = 7200;

const QUESTIONS: readonly (readonly [string, Answer])[] = [
  ["with standing as (", windows],
  ["select rewinds.chain, rewinds.rewind, ((least(min(taken_back.at)", reaches],
  ["select count(*)::float8 as blocks, ", chainDay],
  ["select distinct label_version ", labelVersions],
];

/** How a question is answered; undefined: it is none that is known. */
export function answerTo(text: string): Answer | undefined {
  return QUESTIONS.find(([beginning]) => text.startsWith(beginning))?.[1];
}

/** How the lines of a cursor come to be; undefined: the statement is no such cursor. */
export function linesOf(text: string): Answer | undefined {
  const table =
    /^declare lines no scroll cursor for select concat_ws\('\|', .* from public\.(\w+) where chain = \$1 /.exec(
      text,
    )?.[1];
  if (table === undefined) return undefined;
  const what = (text.includes("sum(") ? "exchange_flows_daily" : table) as Compared;
  const spec = LAKE_TABLES[table as keyof typeof LAKE_TABLES];
  return (read, values) => {
    const rows = ofDay(read(`public.${table}`), spec.time, values)
      .filter((row) => row["status"] === undefined || row["status"] === "final")
      .map((row) => ({ ...row, ...netflowOf(row) }));
    const key = (row: Row) => spec.key.map((name) => sortable(row[name])).join("|");
    const sorted = [...rows].sort((one, other) => (key(one) < key(other) ? -1 : 1));
    return canonicalLines(what, sorted).map((line) => ({ line }));
  };
}

/** A column that Postgres generates. */
function netflowOf({ inflow, outflow }: Row): Row {
  if (inflow === undefined || outflow === undefined) return {};
  return { netflow: String(BigInt(inflow ?? 0) - BigInt(outflow ?? 0)) };
}

function sortable(text: string | null | undefined): string {
  return /^\d+$/.test(text ?? "") ? (text ?? "").padStart(15, "0") : (text ?? "");
}

function windows(read: Read, [chains]: readonly unknown[]) {
  return read("public.chains").flatMap((row) => {
    const chain = row["chain"] ?? "";
    if (!(chains as readonly string[]).includes(chain) || row["first_time"] === null) return [];
    if (row["first_time"] === undefined) return [];
    const through = new Map(
      read("sluice.offsets")
        .filter((one) => one["chain"] === chain)
        .map((one) => [one["topic"], one["through_height"] ?? null]),
    );
    const of = (topic: string) => through.get(`${chain}.${topic}`) ?? null;
    const stored = Math.min(Number(of("blocks.final.v1") ?? -1), Number(of("flows.v1") ?? -1));
    const hours = of("exchange-flows.v1");
    const watermark = row["watermark"] ?? null;
    const known =
      hours !== null && stored >= Number(hours) ? seconds(watermark) : oldest(read, chain, stored);
    return [{ chain, covered_from: coveredFrom(row), watermark: watermark === null ? null : known }];
  });
}

function oldest(read: Read, chain: string, stored: number): number | null {
  const times = read("public.blocks")
    .filter((row) => row["chain"] === chain && row["status"] === "final" && Number(row["height"]) <= stored)
    .sort((one, other) => Number(other["height"]) - Number(one["height"]))
    .slice(0, MEDIAN_SPAN)
    .map((row) => seconds(row["block_time"]) as number);
  return times.length === 0 ? null : Math.min(...times);
}

function coveredFrom(row: Row): number {
  if (Number(row["first_height"]) <= 1) return Number.NEGATIVE_INFINITY;
  return (seconds(row["first_time"]) as number) + (row["kind"] === "bitcoin" ? BITCOIN_LAG_S : 0);
}

function chainDay(read: Read, values: readonly unknown[]) {
  const heights = ofDay(read("public.blocks"), "block_time", values)
    .filter((row) => row["status"] === "final")
    .map((row) => Number(row["height"]));
  const [first, last] = [Math.min(...heights), Math.max(...heights)];
  const none = heights.length === 0;
  return [{ blocks: heights.length, first: none ? null : first, last: none ? null : last }];
}

function labelVersions(read: Read, values: readonly unknown[]) {
  const found = ofDay(read("public.flow_legs"), "block_time", values).map((row) => row["label_version"]);
  return [...new Set(found)].sort().map((label_version) => ({ label_version }));
}

function reaches(read: Read, [chains]: readonly unknown[]) {
  return read("sluice.rewinds").flatMap((rewound) => {
    const chain = rewound["chain"] ?? "";
    const times = read("sluice.taken_back")
      .filter((row) => row["chain"] === chain && row["rewind"] === rewound["rewind"])
      .map((row) => seconds(row["at"]) as number);
    if (times.length === 0 || !(chains as readonly string[]).includes(chain)) return [];
    const left = oldest(read, chain, Number(rewound["height"])) ?? Number.POSITIVE_INFINITY;
    const [first, last] = [Math.min(left, ...times), Math.max(...times)].map(dayOf);
    return [{ chain, rewind: Number(rewound["rewind"]), first, last }];
  });
}

function dayOf(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

function ofDay(rows: readonly Row[], column: string, [chain, from, to]: readonly unknown[]): readonly Row[] {
  return rows.filter((row) => {
    const time = seconds(row[column]) as number;
    return row["chain"] === chain && time >= Number(from) && time < Number(to);
  });
}

function seconds(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Date.parse(text) / 1000;
}
