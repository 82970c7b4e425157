import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startBrokers, startDatabase } from "../support/servers.ts";
import { startChains } from "./chains.ts";
import { type Battle, Chaos } from "./chaos.ts";
import type { CopyEars } from "./copy.ts";
import { makeHome } from "./home.ts";
import { Pairs } from "./pairs.ts";
import { findWrong, untilSettled } from "./settle.ts";
import { Watch } from "./watch.ts";

/** A run of chaos. */
export interface ChaosOptions {
  readonly home: string;
  readonly seed: number;
  /** How often something is killed. */
  readonly kills: number;
  /** Nodes of the Kafka cluster: 1, or 3 with three replicas of everything. */
  readonly brokers: 1 | 3;
  readonly say: (line: string) => void;
  /** Aborted: no more faults; what came of those so far is compared. */
  readonly signal?: AbortSignal;
}

/** What came of it: `findings` is empty when nothing was lost, doubled or out of order. */
export interface ChaosReport extends Battle {
  readonly blocks: number;
  readonly legs: number;
  readonly reorgs: number;
}

/** What can be said where not even the comparison came to its end. */
const NOTHING = { blocks: 0, legs: 0, reorgs: 0 };

/** Ethereum's heads; every third time Bitcoin has one too. Slow enough for twenty processes on two cores. */
const HEAD_EVERY_MS = 250;

/** Two copies of each stage on real servers, struck by the seed's plan while both chains grow and fork; then all is compared. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { home, say } = options;
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const chains = await startChains(options.seed);
    closers.push(() => chains.close());
    const [brokers, database] = await Promise.all([startBrokers(home, options.brokers), startDatabase(home)]);
    closers.push(() => Promise.all([...brokers, database].map((server) => server.stop())));
    const addresses = brokers.map(({ address }) => address).join();
    const environment = {
      ...makeHome(join(home, "work"), chains, options.brokers),
      KAFKA_BROKERS: addresses,
      DATABASE_URL: database.address,
    };
    const remains = { home, chains, environment, brokers: addresses, databaseUrl: database.address };
    const watch = new Watch();
    let chaos: Chaos | undefined;
    const ears: CopyEars = {
      group: (copy, group, news) => watch.heardOfGroup(copy, group, news),
      report: (copy, report) => watch.heardReport(copy, report),
      ended: (copy, end) => {
        watch.gone(copy);
        pairs.noteLeft(copy);
        return chaos?.heardOfEnd(copy, end) ?? true;
      },
    };
    const log = createWriteStream(join(home, "stages.log"));
    const pairs = new Pairs(chains.names, watch, { environment, log, ears });
    closers.push(() => pairs.stop());
    chains.grow(HEAD_EVERY_MS);
    chaos = new Chaos({ pairs, watch, brokers, database }, options);
    const battle = await chaos.fight();
    chains.rest();
    say("the chains rest; waiting until both stores have all of it");
    const behind = battle.findings.length > 0 ? [] : await untilSettled(remains);
    const bad = await pairs.stop();
    const known = [...battle.findings, ...watch.findings, ...behind, ...bad];
    const wrong = await findWrong(remains).catch((error: Error) => ({
      ...NOTHING,
      findings: [error.message],
    }));
    return { ...battle, ...wrong, findings: [...known, ...wrong.findings] };
  } finally {
    for (const close of closers.reverse())
      await Promise.race([close(), sleep(30_000, undefined, { ref: false })]);
  }
}
