import { MultiBar, type SingleBar } from "cli-progress";
import type { Logger } from "pino";
import type { ChainName } from "../stream/block.ts";
import type { StageReport } from "./child.ts";
import { Pace, type PaceView } from "./pace.ts";
import type { Untils } from "./until.ts";

/** Shows backfills while they last: a bar a chain on a terminal, elsewhere a line every few seconds. */
export interface ProgressDisplay {
  readonly report: (report: StageReport) => void;
  close(): void;
}

const BAR_EVERY_MS = 250;
const LINE_EVERY_MS = 5000;
const FORMAT = "{chain} {bar} {value}/{total}  {rate} blocks/s  {left} left";

/** Opens the display of what stages report, on `stream` where that is a terminal; a chain with an `until` goes no further. */
export function openProgress(
  untils: Untils,
  log: Logger,
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean } = process.stderr,
): ProgressDisplay {
  const paces = new Map<ChainName, Pace>();
  const screen = stream.isTTY === true ? openBars(stream) : openLines(log);
  const timer = setInterval(() => {
    for (const [chain, pace] of paces) screen.show(chain, pace.view());
  }, screen.everyMs);
  return {
    report: ({ chain, event }) => {
      if (event.kind !== "announced") return;
      const pace = paces.get(chain) ?? new Pace();
      paces.set(chain, pace);
      const target = Math.min(event.nodeHead, untils.get(chain) ?? event.nodeHead);
      pace.add(event.block.height, target, performance.now());
    },
    close: () => {
      clearInterval(timer);
      screen.close();
    },
  };
}

interface Screen {
  readonly everyMs: number;
  show(chain: ChainName, view: PaceView | undefined): void;
  close(): void;
}

function openBars(stream: NodeJS.WritableStream): Screen {
  const bars = new MultiBar({
    stream,
    format: FORMAT,
    clearOnComplete: true,
    hideCursor: true,
  });
  const shown = new Map<ChainName, SingleBar>();
  return {
    everyMs: BAR_EVERY_MS,
    show: (chain, view) => {
      const bar = shown.get(chain);
      if (view === undefined) {
        if (bar !== undefined) bars.remove(bar);
        shown.delete(chain);
        return;
      }
      const texts = { chain, rate: view.blocksPerS.toFixed(1), left: duration(view.etaS) };
      if (bar === undefined) shown.set(chain, bars.create(view.target, view.height, texts));
      else {
        bar.setTotal(view.target);
        bar.update(view.height, texts);
      }
    },
    close: () => bars.stop(),
  };
}

function openLines(log: Logger): Screen {
  return {
    everyMs: LINE_EVERY_MS,
    show: (chain, view) => {
      if (view === undefined) return;
      const { height, target, blocksPerS, etaS } = view;
      log.info({ chain, height, target, blocksPerS: Math.round(blocksPerS * 10) / 10, etaS }, "backfill");
    },
    close: () => undefined,
  };
}

function duration(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
