import { stripVTControlCharacters } from "node:util";
import { countOf, type Fate, fatesFrom, type Picture, type Pictures, pictureOf } from "./picture.ts";
import { CHAIN_TITLES, CHAINS, clockAt, type DemoChain, PLAN } from "./plan.ts";

/** What the screen shows besides the pictures. */
export interface View {
  readonly columns: number;
  readonly lines: number;
  readonly elapsedS: number;
  readonly title: string;
  /** The table of at most so many rows. */
  readonly table: (rows: number) => readonly string[];
  readonly footer: readonly string[];
}

/** SGR codes (ECMA-48). */
const PAINT: Readonly<Record<Fate, string>> = {
  withheld: "\x1b[90m",
  final: "\x1b[32m",
  orphaned: "\x1b[31m",
};
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";
/** Home, and after each line: clear to its end, so that a redraw does not flicker. */
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const LABEL_WIDTH = 10;

/** The whole screen as bytes for the terminal; the table takes what room the rest leaves. */
export function draw(pictures: Pictures, view: View): string {
  const above = [
    `${BOLD}Sluice${PLAIN}  fifty hours of ${CHAIN_TITLES} in a minute   ${view.elapsedS.toFixed(0)} s`,
    "",
    ...CHAINS.flatMap((chain) => chainLines(chain, pictureOf(pictures, chain), view.columns)),
    "",
    legend(),
    "",
    `${BOLD}Exchange flows, from final blocks only${PLAIN}   ${view.title}`,
  ];
  const below = ["", ...view.footer];
  // One row for the table's head, one for the cursor.
  const room = view.lines - rowsOf([...above, ...below], view.columns) - 2;
  const lines = [...above, ...view.table(Math.max(3, room)), ...below];
  while (rowsOf(lines, view.columns) > view.lines - 1) lines.pop();
  return `${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`;
}

/** How many rows of the terminal the lines take: it wraps long ones. */
function rowsOf(lines: readonly string[], columns: number): number {
  const rows = lines.map((line) => Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)));
  return rows.reduce((sum, one) => sum + one, 0);
}

function chainLines(chain: DemoChain, picture: Picture, columns: number): readonly string[] {
  const title = chain.title.padEnd(LABEL_WIDTH);
  if (picture.blocks.size === 0)
    return [`${BOLD}${title}${PLAIN}starting Kafka, Postgres and the stages`, "", ""];
  const { chain: upper, orphans } = strip(chain, picture, columns - LABEL_WIDTH - 1);
  return [
    `${BOLD}${title}${PLAIN}${upper}`,
    `${" ".repeat(LABEL_WIDTH)}${orphans}`,
    `${" ".repeat(LABEL_WIDTH)}${counters(chain, picture)}`,
  ];
}

/** One cell a height: the chain above, and below each height what was orphaned there. */
function strip(
  { start }: DemoChain,
  picture: Picture,
  width: number,
): { readonly chain: string; readonly orphans: string } {
  const first = Math.max(start, picture.head - width + 1);
  const fates = fatesFrom(picture, first);
  const heights = Array.from({ length: Math.max(0, picture.head - first + 1) }, (_, index) => first + index);
  const chain = heights.map((height) =>
    cell(
      fates.get(height)?.findLast((fate) => fate !== "orphaned"),
      "█",
    ),
  );
  const orphans = heights.map((height) =>
    cell(
      fates.get(height)?.find((fate) => fate === "orphaned"),
      "▀",
    ),
  );
  return { chain: chain.join(""), orphans: orphans.join("") };
}

function cell(fate: Fate | undefined, mark: string): string {
  return fate === undefined ? " " : `${PAINT[fate]}${mark}${PLAIN}`;
}

function legend(): string {
  const entries: readonly (readonly [Fate, string])[] = [
    ["final", "final: released, never taken back"],
    ["withheld", `withheld: fewer than ${PLAN.confirmations} confirmations`],
    ["orphaned", "orphaned: left the chain before it was final"],
  ];
  return `${" ".repeat(LABEL_WIDTH)}${entries.map(([fate, text]) => `${PAINT[fate]}█${PLAIN} ${text}`).join("   ")}`;
}

function counters(chain: DemoChain, picture: Picture): string {
  const { blocks, reorgs, deepest, stored } = picture;
  const counts = `${countOf(picture, "final")} final, ${countOf(picture, "withheld")} withheld, ${countOf(picture, "orphaned")} orphaned`;
  const stores = `stored up to ${stored.postgres} in Postgres, ${stored.parquet} in the lake`;
  return `${clockAt(chain, picture.head)}: ${blocks.size} arrived: ${counts}; ${reorgs} reorgs, the deepest ${deepest}; ${stores}`;
}
