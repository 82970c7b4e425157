import { Command, CommanderError, Option } from "commander";
import { EXIT, InvalidUsage } from "./exit.ts";
import { collectUntil, type Untils } from "./until.ts";
import type { FeedArguments } from "./verbs/feed.ts";
import type { ChainVerb } from "./verbs/stages.ts";

/** What a verb does: each is loaded when it is called, so that no stage carries another's code. */
type Action = (signal: AbortSignal) => Promise<number | undefined>;

/** What the command line asks for: a verb to run, or an exit code when it was help or nonsense. */
export type Request =
  | { readonly kind: "verb"; readonly action: Action }
  | { readonly kind: "answered"; readonly code: number };

/** Reads the command line. What commander itself says (help, a wrong option) it prints. Throws `InvalidUsage`. */
export function readRequest(argv: readonly string[]): Request {
  let asked: Action | undefined;
  const program = makeProgram((action) => {
    asked = action;
  });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: "answered", code: error.exitCode === 0 ? EXIT.done : EXIT.usage };
  }
  if (asked === undefined) throw new InvalidUsage("say what to do; sluice --help lists it");
  return { kind: "verb", action: asked };
}

function collectName(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name];
}

const UNTIL = "stop, with exit code 0, once this final height is through and durable (repeatable)";

function makeProgram(ask: (action: Action) => void): Command {
  const program = new Command("sluice")
    .description(
      "Exchange inflow and outflow from final, verified blocks: Kafka to Postgres, parquet and CSV.",
    )
    .exitOverride()
    .showHelpAfterError("sluice --help lists what there is");
  const verb = (name: string, description: string) =>
    program.command(name).description(description).exitOverride().allowExcessArguments(false);
  const until = () =>
    new Option("--until <chain=height>", UNTIL).argParser(collectUntil).default(new Map(), "never");
  addRun(verb, until, ask);
  addStages(verb, until, ask);
  addWarehouse(verb, until, ask);
  addFeed(verb, ask);
  addReports(verb, ask);
  addRewind(verb, ask);
  addMigrate(verb, ask);
  return program;
}

type MakeVerb = (name: string, description: string) => Command;
type Ask = (action: Action) => void;

function addRun(verb: MakeVerb, until: () => Option, ask: Ask): void {
  verb(
    "run",
    "everything, supervised: all stages of all chains, with Kafka and Postgres where none are named",
  )
    .addOption(until())
    .action((options: { until: Untils }) =>
      ask(async (signal) => (await import("./verbs/run.ts")).run(options.until, signal)),
    );
}

function addStages(verb: MakeVerb, until: () => Option, ask: Ask): void {
  const stages: readonly (readonly [ChainVerb, string])[] = [
    ["ingest", "read a chain's blocks from its nodes, verify them, and announce them on Kafka"],
    ["gate", "release a chain's blocks once they are final"],
    ["flows", "say what flowed in each final block of a chain"],
    ["aggregate", "sum a chain's flows by exchange, asset and hour"],
  ];
  for (const [name, description] of stages) {
    verb(`${name} <chain>`, description)
      .addOption(until())
      .action((chain: string, options: { until: Untils }) =>
        ask(async (signal) => {
          await (await import("./verbs/stages.ts")).runChainStage(
            name,
            { chain, untils: options.until },
            signal,
          );
          return undefined;
        }),
      );
  }
}

function addWarehouse(verb: MakeVerb, until: () => Option, ask: Ask): void {
  verb("warehouse <store>", "fill a store (postgres or parquet) with all chains")
    .option(
      "--chain <name>",
      "only this chain (repeatable); sluice run starts a process a chain",
      collectName,
    )
    .addOption(until())
    .action((store: string, options: { chain?: readonly string[]; until: Untils }) => {
      if (store !== "postgres" && store !== "parquet") {
        throw new InvalidUsage(`warehouse ${store}: there are postgres and parquet`);
      }
      ask(async (signal) =>
        (await import("./verbs/warehouse.ts")).runWarehouse(
          store,
          { chains: options.chain, untils: options.until },
          signal,
        ),
      );
    });
}

function addFeed(verb: MakeVerb, ask: Ask): void {
  verb("feed", "write the daily CSV of each complete day that has none yet")
    .option("--date <day>", "only this day (YYYY-MM-DD)")
    .option("--follow", "go on, day after day")
    .option("--json", "for programs")
    .action((options: FeedArguments) => {
      if (options.date !== undefined && options.follow === true)
        throw new InvalidUsage(
          "feed --date writes one day and ends, --follow goes on with all: leave one out",
        );
      ask(async (signal) => (await import("./verbs/feed.ts")).feed(options, signal));
    });
}

function addRewind(verb: MakeVerb, ask: Ask): void {
  verb(
    "rewind <chain>",
    "take back what is final above a height, from all topics and stores (its stages stopped)",
  )
    .requiredOption("--to <height>", "the final block that the chain goes on from")
    .option("--yes", "yes, take it back")
    .option("--json", "for programs")
    .action((chain: string, options: { to: string; yes?: true; json?: true }) => {
      if (!/^\d{1,15}$/.test(options.to))
        throw new InvalidUsage(`rewind --to ${options.to}: that is no height`);
      const request = {
        chain,
        to: Number(options.to),
        yes: options.yes === true,
        json: options.json === true,
      };
      ask(async (signal) => (await import("./verbs/rewind.ts")).rewindChain(request, signal));
    });
}

function addMigrate(verb: MakeVerb, ask: Ask): void {
  verb(
    "migrate",
    "make the database's schema or bring it up to date, as its owner: where stages log in as less",
  ).action(() => ask(async (signal) => (await import("./verbs/schema.ts")).migrateSchema(signal)));
}

function addReports(verb: MakeVerb, ask: Ask): void {
  const json = "for programs";
  verb("status", "how far each chain is, stage by stage")
    .option("--json", json)
    .action((options: { json?: true }) =>
      ask(async (signal) => (await import("./verbs/status.ts")).status(options.json === true, signal)),
    );
  verb("incident [chain]", "what halted a chain, and the way out; without a chain, of all")
    .option("--json", json)
    .action((chain: string | undefined, options: { json?: true }) =>
      ask(async (signal) =>
        (await import("./verbs/incident.ts")).incident({ chain, json: options.json === true }, signal),
      ),
    );
  verb("verify", "prove the raw blocks again, and compare Postgres with the lake")
    .option("--json", json)
    .action((options: { json?: true }) =>
      ask(async (signal) => (await import("./verbs/verify.ts")).verify(options.json === true, signal)),
    );
  verb("sql <query>", "ask the lake, by DuckDB")
    .option("--json", json)
    .action((query: string, options: { json?: true }) =>
      ask(async (signal) => (await import("./verbs/reports.ts")).sql(query, options.json === true, signal)),
    );
  verb("table", "the last 24 complete hours against the 24 before")
    .option("--json", json)
    .action((options: { json?: true }) =>
      ask(async (signal) => (await import("./verbs/reports.ts")).table(options.json === true, signal)),
    );
}
