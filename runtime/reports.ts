import { isSupervised, reportToSupervisor, type StageReport } from "./child.ts";
import type { Session } from "./session.ts";
import type { Untils } from "./until.ts";

/** Takes what stages tell. */
export type Report = (report: StageReport) => void;

/**
 * Runs `work` with someone to tell: the supervisor, where there is one; else a terminal or the log, and the metrics where
 * `SLUICE_METRICS_PORT` asks for them.
 */
export async function withReports<T>(
  session: Session,
  untils: Untils,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  if (isSupervised()) return work(reportToSupervisor);
  const { openProgress } = await import("./progress.ts");
  const place = session.env.metrics;
  const metrics = place === undefined ? undefined : await (await import("./metrics.ts")).openMetrics(place);
  const progress = openProgress(untils, session.log);
  try {
    return await work((report) => {
      progress.report(report);
      metrics?.report(report);
    });
  } finally {
    progress.close();
    await metrics?.close();
  }
}
