import { existsSync, readFileSync } from "node:fs";
import { DemoFailed, Director } from "./director.ts";
import { csvsOf, DemoRunning, environmentOf, freshHome, type Home, shown } from "./home.ts";
import { CHAINS } from "./plan.ts";
import { type Companion, startChainNode, startSluice } from "./processes.ts";
import { openScreen, openTale } from "./show.ts";

/**
 * `make demo`: fifty hours of two chains in about a minute, from nodes of our own through the real pipeline to all stores.
 * On a terminal it goes on until Ctrl-C; without one it ends by itself, with exit code 0 once all is final, stored and fed.
 */

process.exit(await main());

async function main(): Promise<number> {
  const ending = new AbortController();
  for (const event of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(event, () => ending.abort());
  try {
    await play(freshHome(), ending.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof DemoFailed || error instanceof DemoRunning)) throw error;
    process.stderr.write(`demo: ${error.message}\n`);
    return 1;
  }
}

async function play(home: Home, signal: AbortSignal): Promise<void> {
  const nodes = await Promise.all(CHAINS.map((chain) => startChainNode(chain, home.log.fd)));
  const env = environmentOf(home, new Map(nodes.map(({ chain, url }) => [chain.name, url])));
  const begin = () => {
    for (const node of nodes) node.begin();
  };
  const director = new Director(begin, process.stdout.isTTY ? openScreen() : openTale());
  const run = startSluice(["run"], { env, log: home.log.fd }, (report) => director.hear(report));
  try {
    await performed({ director, run, env, home, signal });
  } finally {
    await director.leave();
    await Promise.all([run, ...nodes].map((companion) => companion.stop()));
    director.close(home);
  }
}

interface Performance {
  readonly director: Director;
  readonly run: Companion;
  readonly env: NodeJS.ProcessEnv;
  readonly home: Home;
  readonly signal: AbortSignal;
}

async function performed({ director, run, env, home, signal }: Performance): Promise<void> {
  const crashed = run.ended.then((code) => {
    if (!signal.aborted) throw new DemoFailed(`sluice run ended with ${code}: ${tailOf(home)}`);
  });
  const story = async () => {
    await director.untilStored(env, signal);
    if (missing(home).length > 0 && !signal.aborted) await feed(env, home);
    if (signal.aborted) return;
    await director.finish(home, env);
    if (process.stdout.isTTY) await director.keepTable(signal);
  };
  await Promise.race([story(), crashed]);
}

/** Writes the complete days now, rather than when the run's own feed looks again. */
async function feed(env: NodeJS.ProcessEnv, home: Home): Promise<void> {
  const code = await startSluice(["feed"], { env, log: home.log.fd }).ended;
  const [lost] = missing(home);
  if (code === 0 && lost === undefined) return;
  throw new DemoFailed(`no ${shown(lost ?? home.feed)} was written: ${tailOf(home)}`);
}

function missing(home: Home): readonly string[] {
  return csvsOf(home).filter((csv) => !existsSync(csv));
}

function tailOf(home: Home): string {
  const last = readFileSync(home.log.path, "utf8").trim().split("\n").slice(-5).join("\n  ");
  return `see ${shown(home.log.path)}, which ends with\n  ${last}`;
}
