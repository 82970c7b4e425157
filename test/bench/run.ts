import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchChain } from "./chains.ts";
import type { Figure } from "./figures.ts";
import { usageOf } from "./machine.ts";
import { startBenchNode } from "./node-process.ts";
import { type Form, pull } from "./serving.ts";
import { type MeasuredStage, measureStage } from "./stage.ts";

/** One chain's measurement, and where its stages find everything. */
export interface Bench {
  readonly chain: BenchChain;
  blocksOf(form: Form): number;
  readonly home: string;
  readonly services: NodeJS.ProcessEnv;
  say(line: string): void;
}

/** Height of the first block. */
const START = 1000;
/** So long the stages behind the gate may take to join their groups before it begins: their start is not what is measured. */
const JOIN_MS = 8000;
/** Discard (RFC 863): nothing behind the gate asks a node. */
const NO_NODE = "http://127.0.0.1:9";

/** From the node to durable raw, after a pull by a plain client that shows what the node can serve. */
export async function toRaw(bench: Bench, form: Form): Promise<readonly Figure[]> {
  const { chain, say } = bench;
  const blocks = bench.blocksOf(form);
  const node = await startBenchNode(chain, form, { start: START, blocks });
  try {
    const heights = Array.from({ length: blocks }, (_, index) => START + index);
    const served = await pull(node.url, form, heights);
    const megabytes = (served.bytesPerBlock / 1e6).toFixed(2);
    say(
      `${form.name}: the node alone serves ${served.blocksPerS.toFixed(0)} blocks/s of ${megabytes} MB each`,
    );
    const before = usageOf(node.pid);
    const stage = measureStage(
      ["ingest", chain.name, ...until(chain, blocks)],
      environment(bench, form, node.url),
    );
    const usage = await stage.ended;
    const after = usageOf(node.pid);
    const rate = blocks / seconds([stage]);
    say(`${form.name}: ${rate.toFixed(0)} blocks/s into raw`);
    const meanwhile = before && after && { cpuS: after.cpuS - before.cpuS, peakBytes: after.peakBytes };
    const figure = (what: string, blocksPerS: number | undefined, used: Figure["usage"]): Figure => ({
      ...{ what, blocksPerS, blocks, usage: used },
    });
    return [
      figure(`the node, ${form.name}, to a plain client`, served.blocksPerS, before),
      figure(`ingest, ${form.name}: node to durable raw`, rate, usage),
      figure(`the node meanwhile, ${form.name}`, undefined, meanwhile),
    ];
  } finally {
    await node.stop();
  }
}

/** From raw of the first form to all stores: everything behind the gate waits for it to begin. */
export async function toStores(bench: Bench): Promise<readonly Figure[]> {
  const { chain, say } = bench;
  const [form] = chain.forms;
  const blocks = bench.blocksOf(form);
  const env = environment(bench, form, NO_NODE);
  const start = (...args: readonly string[]) => measureStage([...args, ...until(chain, blocks)], env);
  const behind = {
    flows: start("flows", chain.name),
    aggregate: start("aggregate", chain.name),
    "warehouse postgres": start("warehouse", "postgres"),
    "warehouse parquet": start("warehouse", "parquet"),
  };
  await sleep(JOIN_MS);
  const stages = { gate: start("gate", chain.name), ...behind };
  const usages = await Promise.all(
    Object.entries(stages).map(async ([what, stage]) => ({ what, usage: await stage.ended })),
  );
  const rate = blocks / seconds(Object.values(stages));
  say(`${rate.toFixed(0)} blocks/s from raw to all stores`);
  const total = sumOf(usages.map((one) => one.usage));
  return [
    { what: "raw to all stores", blocksPerS: rate, blocks, usage: total, isTotal: true },
    ...usages.map(({ what, usage }) => ({ what: `  ${what}`, blocksPerS: undefined, blocks, usage })),
  ];
}

function until(chain: BenchChain, blocks: number): readonly string[] {
  return ["--until", `${chain.name}=${START + blocks - 1}`];
}

function sumOf(usages: readonly Figure["usage"][]): Figure["usage"] {
  return usages.reduce((sum, one) =>
    sum === undefined || one === undefined
      ? undefined
      : { cpuS: sum.cpuS + one.cpuS, peakBytes: sum.peakBytes + one.peakBytes },
  );
}

/** From the first report of any to the last. */
function seconds(stages: readonly MeasuredStage[]): number {
  const firsts = stages.flatMap((stage) => stage.reports.first ?? []);
  const lasts = stages.flatMap((stage) => stage.reports.last ?? []);
  return (Math.max(...lasts) - Math.min(...firsts)) / 1000;
}

/** A config of its own for each form: its topics have a prefix. */
function environment({ chain, home, services }: Bench, form: Form, nodeUrl: string): NodeJS.ProcessEnv {
  const prefix = `${form.name.replaceAll(" ", "-")}-`;
  const labels = join(home, "labels.csv");
  writeFileSync(labels, chain.labels());
  const config = join(home, `${prefix}sluice.json`);
  const text = {
    chains: { [chain.name]: { ...chain.config, start: START, finality: { confirmations: 1 } } },
    labels: [labels],
    assets: [resolve("sql/seeds/assets.csv")],
    kafka: { topicPrefix: prefix },
  };
  writeFileSync(config, JSON.stringify(text));
  // The caller's own nodes are no part of it.
  const node = `${chain.name.toUpperCase()}_RPC_URL`;
  const { BITCOIN_REST_URL: _rest, BITCOIN_RPC_COOKIE_FILE: _cookie, ...ours } = process.env;
  return { ...ours, ...services, SLUICE_HOME: home, SLUICE_CONFIG: config, [node]: nodeUrl };
}
