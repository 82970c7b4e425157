import { setTimeout as sleep } from "node:timers/promises";
import type { StageReport } from "../../runtime/child.ts";
import { csvsOf, type Home, shown } from "./home.ts";
import { BLANKS, type Pictures, pictureOf, seeReport, storedUpTo } from "./picture.ts";
import { CHAINS, clockAt } from "./plan.ts";
import type { Show } from "./show.ts";
import { type LiveTable, openLiveTable } from "./table.ts";

const LOOK_EVERY_MS = 250;
const TABLE_EVERY_MS = 1000;
/** Several times what it takes on a slow machine. */
const PATIENCE_MS = 6 * 60_000;

/** The demo can't go on; the log says more. */
export class DemoFailed extends Error {
  override readonly name = "DemoFailed";
}

/** What the stages' reports add up to, and who is shown it. */
export class Director {
  readonly #begin: () => void;
  readonly #show: Show;
  #pictures: Pictures = BLANKS;
  #hasBegun = false;
  #table: LiveTable | undefined;

  /** `begin` lets the chains grow. */
  constructor(begin: () => void, show: Show) {
    this.#begin = begin;
    this.#show = show;
  }

  hear(report: StageReport): void {
    this.#pictures = seeReport(this.#pictures, report);
    this.#show.saw(this.#pictures, report);
    // The pipeline works on all of them: now the chains may grow.
    if (this.#hasBegun || !CHAINS.every((chain) => pictureOf(this.#pictures, chain).head > 0)) return;
    this.#hasBegun = true;
    this.#begin();
  }

  /** Waits until the last block of each chain's plan stands in both stores. Throws `DemoFailed`. */
  async untilStored(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    let tableAt = 0;
    while (!this.#isStored() && !signal.aborted) {
      if (performance.now() > deadline)
        throw new DemoFailed(`the stores stand at ${this.#standing()} after six minutes`);
      if (this.#hasStored() && performance.now() > tableAt) {
        await this.#refresh(env);
        tableAt = performance.now() + TABLE_EVERY_MS;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Shows the whole table, and where everything lies. */
  async finish(home: Home, env: NodeJS.ProcessEnv): Promise<void> {
    await this.#refresh(env);
    this.#show.finished(whereabouts(home, this.#table?.url ?? ""));
  }

  async keepTable(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(TABLE_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (this.#table !== undefined) this.#show.table(await this.#table.rows());
    }
  }

  /** Lets go of the database, before it stops. */
  async leave(): Promise<void> {
    await this.#table?.close();
    this.#table = undefined;
  }

  /** Says what is left, once nothing runs any more. */
  close(home: Home): void {
    this.#show.close(this.#isStored() ? remains(home) : []);
  }

  async #refresh(env: NodeJS.ProcessEnv): Promise<void> {
    this.#table ??= await openLiveTable(env);
    this.#show.table(await this.#table.rows());
  }

  #hasStored(): boolean {
    return CHAINS.some((chain) => pictureOf(this.#pictures, chain).stored.postgres > 0);
  }

  #isStored(): boolean {
    return CHAINS.every((chain) => storedUpTo(pictureOf(this.#pictures, chain)) >= chain.last);
  }

  #standing(): string {
    return CHAINS.map((chain) => {
      const height = storedUpTo(pictureOf(this.#pictures, chain));
      return `${chain.title} ${clockAt(chain, Math.max(height, chain.start))}`;
    }).join(", ");
  }
}

/** Where database, lake and CSV are, with a query to paste for each. */
function whereabouts(home: Home, url: string): readonly string[] {
  return [
    `Database  psql '${url}' -c 'select * from exchange_flows_daily_usd where complete order by chain, exchange, asset'`,
    `Lake      ${sluice(home)} sql "select chain, to_exchange, asset, count(*) as legs from flow_legs where flow_type = 'inflow' group by all order by legs desc limit 10"`,
    `CSV       head ${csvsOf(home).map(shown).join(" ")}`,
  ];
}

function remains(home: Home): readonly string[] {
  return [
    "",
    `Nothing is left running. All data stays in ${shown(home.folder)} until the next demo;`,
    `${sluice(home)} table`,
    "starts the database again for as long as it needs it.",
  ];
}

function sluice(home: Home): string {
  return `SLUICE_HOME=${shown(home.folder)} SLUICE_CONFIG=${shown(home.config)} node dist/runtime/main.js`;
}
