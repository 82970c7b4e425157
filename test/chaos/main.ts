import { parseArgs } from "node:util";
import { removeHome, temporaryHome } from "../services.ts";
import { TAKEOVER_LIMIT_MS, type Takeover } from "./chaos.ts";
import { type ChaosReport, runChaos } from "./run.ts";

/** `node dist/test/chaos/main.js --runs 200 --seed 1 [--cluster]`: kills, freezes and compares; exit code 1 when anything is wrong. */
const { values } = parseArgs({
  options: {
    /** How often something is killed. */
    runs: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    cluster: { type: "boolean", default: false },
  },
});

process.exit(await main());

async function main(): Promise<number> {
  const home = temporaryHome("chaos");
  const seed = Number(values.seed);
  const brokers = values.cluster ? 3 : 1;
  print(`seed ${seed}, ${values.runs} kills, Kafka on ${brokers} ${brokers === 1 ? "node" : "nodes"}`);
  const began = performance.now();
  const enough = new AbortController();
  process.once("SIGINT", () => {
    print("enough: what came of it so far is compared");
    enough.abort();
  });
  const options = { home, seed, kills: Number(values.runs), brokers } as const;
  const report = await runChaos({ ...options, say: print, signal: enough.signal });
  for (const line of summary(report, (performance.now() - began) / 60_000)) print(line);
  if (report.findings.length > 0) {
    print(
      `again: make chaos RUNS=${values.runs} SEED=${seed}${values.cluster ? " CLUSTER=1" : ""}; all is left in ${home}`,
    );
    return 1;
  }
  removeHome(home);
  return 0;
}

function summary(report: ChaosReport, minutes: number): readonly string[] {
  const { kills, freezes, twoBrokers, takeovers, fenced, gaveUp, restartedTwice, findings } = report;
  const sound = findings.length === 0;
  return [
    `a pair at rest has ${seconds(TAKEOVER_LIMIT_MS)} s for a takeover; servers that are away are left out below`,
    `${kills} kills and ${freezes} freezes in ${minutes.toFixed(1)} minutes; ${fenced} copies left as fenced, ${gaveUp} gave up and were started again`,
    ...(twoBrokers === 0
      ? []
      : [
          `two of three brokers were killed at once (${twoBrokers} in all): nothing was written until one was back`,
        ]),
    ...(restartedTwice === 0
      ? []
      : [`${restartedTwice} times a broker came back without its groups, and was started once more`]),
    takeoverLine(
      "killed",
      takeovers.filter(({ kind, isRested }) => kind === "kill" && isRested),
    ),
    takeoverLine(
      "frozen",
      takeovers.filter(({ kind, isRested }) => kind === "freeze" && isRested),
    ),
    takeoverLine(
      "struck again within seconds",
      takeovers.filter(({ isRested }) => !isRested),
    ),
    `${report.blocks} final blocks, ${report.legs} legs, ${report.reorgs} reorgs: ${sound ? "nothing lost, nothing doubled, all in order" : "NOT AS THEY MUST BE"}`,
    ...findings,
  ];
}

function takeoverLine(fate: string, takeovers: readonly Takeover[]): string {
  const sorted = [...takeovers].sort((a, b) => a.takenOverMs - b.takenOverMs);
  const [median, longest] = [sorted[sorted.length >> 1], sorted.at(-1)];
  if (median === undefined || longest === undefined) return `no worker was ${fate} while all servers were up`;
  const again = Math.max(...sorted.map(({ againMs }) => againMs));
  return (
    `takeovers from workers that were ${fate}: ${sorted.length}, median ${seconds(median.takenOverMs)} s, ` +
    `longest ${seconds(longest.takenOverMs)} s (${longest.stage}); output again after ${seconds(again)} s at most`
  );
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
