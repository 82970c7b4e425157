import { createServer } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { unreachable } from "../stream/unreachable.ts";
import type { StageReport } from "./child.ts";
import { ServiceFailed } from "./services/errors.ts";

/** Figures for Prometheus, over HTTP. */
export interface Metrics {
  readonly report: (report: StageReport) => void;
  close(): Promise<void>;
}

/** Serves what stages report, and what Node says of its process, at `/metrics`. Throws `ServiceFailed` when it can't listen there. */
export async function openMetrics(place: { readonly host: string; readonly port: number }): Promise<Metrics> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const server = createServer((_, response) => {
    registry.metrics().then(
      (text) => response.setHeader("content-type", registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(
        new ServiceFailed("metrics", `SLUICE_METRICS_HOST and SLUICE_METRICS_PORT: ${cause.message}`, {
          cause,
        }),
      );
    server.once("error", refuse).listen(place.port, place.host, resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { report: recorder(registry), close };
}

function recorder(registry: Registry): (report: StageReport) => void {
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const height = gauge("sluice_height", "Height of the last block through a stage.", ["chain", "stage"]);
  const nodeHead = gauge("sluice_node_head_height", "Height of the node's head.", ["chain"]);
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ["chain"], registers: [registry] });
  const reorgs = counter("sluice_reorgs_total", "Reorgs since the start of this process.");
  const orphaned = counter(
    "sluice_orphaned_blocks_total",
    "Blocks orphaned since the start of this process.",
  );
  return ({ chain, event }) => {
    switch (event.kind) {
      case "announced":
        height.set({ chain, stage: "ingest" }, event.block.height);
        nodeHead.set({ chain }, event.nodeHead);
        return;
      case "released":
        height.set({ chain, stage: "gate" }, event.block.height);
        return;
      case "reorg":
        reorgs.inc({ chain });
        orphaned.inc({ chain }, event.depth);
        return;
      case "written":
        height.set({ chain, stage: event.stage }, event.height);
        return;
      case "stored":
        height.set({ chain, stage: event.store }, event.height);
        return;
      default:
        unreachable(event);
    }
  };
}
