import type { Usage } from "./machine.ts";

/** One line of the result. */
export interface Figure {
  readonly what: string;
  readonly blocksPerS: number | undefined;
  readonly blocks: number;
  readonly usage: Usage | undefined;
  /** Of several processes together: they have no peak in common. */
  readonly isTotal?: true;
}

const HEAD = ["", "blocks/s", "CPU ms/block", "peak memory"];

/** The figures as a Markdown table, as the README has it. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => padded(text, widths[column] ?? 0, column)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

function cells({ what, blocksPerS, blocks, usage, isTotal }: Figure): readonly string[] {
  const peak = usage === undefined ? "unavailable" : `${(usage.peakBytes / 2 ** 20).toFixed(0)} MiB`;
  return [
    what,
    blocksPerS === undefined ? "" : blocksPerS.toFixed(0),
    usage === undefined ? "unavailable" : ((usage.cpuS * 1000) / blocks).toFixed(1),
    isTotal === true ? "" : peak,
  ];
}

function padded(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width);
}
