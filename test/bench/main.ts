import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { startKafka } from "../../runtime/services/kafka.ts";
import { startPostgres } from "../../runtime/services/postgres.ts";
import { removeHome } from "../services.ts";
import { BENCH_CHAINS, type BenchChain } from "./chains.ts";
import { type Figure, figureTable } from "./figures.ts";
import { machineFacts } from "./machine.ts";
import { type Bench, toRaw, toStores } from "./run.ts";
import type { Form } from "./serving.ts";

/**
 * `make bench`: what the node can serve, from the node to durable raw in each form, and from raw to all stores, for blocks of
 * main-net's size. Node, broker and database share the machine. `--chain bitcoin` measures one chain, `--blocks` other numbers.
 */
const { values } = parseArgs({ options: { blocks: { type: "string" }, chain: { type: "string" } } });

const HOME = resolve(".sluice", "bench");

process.exit(await main());

async function main(): Promise<number> {
  const chains = BENCH_CHAINS.filter(({ name }) => (values.chain ?? name) === name);
  if (chains.length === 0) {
    const names = BENCH_CHAINS.map(({ name }) => name).join(" or ");
    process.stderr.write(`bench: there is no chain ${values.chain}: it is ${names}\n`);
    return 1;
  }
  say(...machineFacts());
  for (const chain of chains) await measure(chain);
  return 0;
}

/** Measures a chain with a broker and a database of its own. */
async function measure(chain: BenchChain): Promise<void> {
  removeHome(HOME);
  mkdirSync(HOME, { recursive: true });
  say("", `${chain.name}: ${chain.blocks}`);
  if (chain.ofOneThread !== undefined) say(await chain.ofOneThread());
  const [kafka, postgres] = await Promise.all([startKafka({ home: HOME }), startPostgres({ home: HOME })]);
  try {
    const services = { KAFKA_BROKERS: kafka.brokers, DATABASE_URL: postgres.url };
    const blocksOf = (form: Form) => Number(values.blocks ?? form.blocks);
    const bench: Bench = { chain, blocksOf, home: HOME, services, say };
    const figures: Figure[] = [];
    for (const form of chain.forms) figures.push(...(await toRaw(bench, form)));
    figures.push(...(await toStores(bench)));
    say("", figureTable(figures));
  } finally {
    await Promise.all([kafka.stop(), postgres.stop()]);
  }
}

function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
