import type { StageReport } from "../../runtime/child.ts";
import type { Row24h } from "../../warehouse/postgres/table.ts";
import { BLANKS, type Pictures } from "./picture.ts";
import { CHAIN_TITLES, clockOf, PLAN } from "./plan.ts";
import { tableLines, windowOf } from "./rows.ts";
import { draw } from "./screen.ts";
import { tell } from "./tale.ts";

/** How the demo is shown: on a terminal, or in plain lines. */
export interface Show {
  saw(pictures: Pictures, report: StageReport): void;
  table(rows: readonly Row24h[]): void;
  /** All is final, stored and fed: where it lies. */
  finished(where: readonly string[]): void;
  /** Nothing runs any more: what is left. */
  close(left: readonly string[]): void;
}

const REDRAW_MS = 200;
/** DECTCEM: hide and show the cursor; and the alternate screen buffer (xterm), so that the shell's text comes back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** Rows of the plain story's table. */
const PLAIN_ROWS = 15;

/** A live screen, drawn five times a second. */
export function openScreen(): Show {
  const startedAt = performance.now();
  let pictures = BLANKS;
  let rows: readonly Row24h[] = [];
  let footer: readonly string[] = ["Ctrl-C ends it"];
  const redraw = () => {
    const { columns = 100, rows: lines = 40 } = process.stdout;
    const view = {
      columns,
      lines,
      elapsedS: (performance.now() - startedAt) / 1000,
      title: windowOf(rows),
      table: (count: number) => tableLines(rows, count),
      footer,
    };
    process.stdout.write(draw(pictures, view));
  };
  process.stdout.write(ENTER);
  const timer = setInterval(redraw, REDRAW_MS);
  return {
    saw: (now) => {
      pictures = now;
    },
    table: (now) => {
      rows = now;
    },
    finished: (where) => {
      footer = [...where, "", "The chains go on. Ctrl-C ends it and leaves nothing running."];
    },
    close: (left) => {
      clearInterval(timer);
      process.stdout.write(`${LEAVE}${[...left, ""].join("\n")}`);
    },
  };
}

/** The same story in lines, for a pipe or a log. */
export function openTale(): Show {
  let rows: readonly Row24h[] = [];
  const say = (lines: readonly string[]) => {
    for (const line of lines) process.stdout.write(`${line}\n`);
  };
  say([
    `Sluice: fifty hours of ${CHAIN_TITLES}, real transactions under headers of our own, from ${clockOf(PLAN.startTime)} on.`,
    `A block is final at ${PLAN.confirmations} confirmations; the nodes change their minds every few blocks.`,
    "Bitcoin's exchanges named demo-… are invented: they own real addresses of these blocks in the demo only.",
    "Starting Kafka, Postgres and the stages.",
  ]);
  return {
    saw: (pictures, report) => say(tell(pictures, report)),
    table: (now) => {
      rows = now;
    },
    finished: (where) =>
      say([
        "",
        `Exchange flows, from final blocks only: ${windowOf(rows)}`,
        ...tableLines(rows, PLAIN_ROWS),
        "",
        ...where,
      ]),
    close: say,
  };
}
