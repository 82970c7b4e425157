import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { removeHome, temporaryHome } from "../services.ts";
import { type Sluice, sluice, startSluice } from "../support/sluice.ts";

const home = temporaryHome("run");
/** Nothing listens there: ingest tries again and again, which is all that these tests need of it. */
const env = {
  SLUICE_HOME: home,
  SLUICE_CONFIG: "sluice.json",
  KAFKA_BROKERS: "",
  DATABASE_URL: "",
  ETHEREUM_RPC_URL: "http://127.0.0.1:1/v3/secretkey",
};
const STAGES = [
  "aggregate ethereum",
  "feed --follow",
  "flows ethereum",
  "gate ethereum",
  "ingest ethereum",
  "run",
  "warehouse parquet --chain ethereum",
  "warehouse postgres --chain ethereum",
];

const runs: Sluice[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) if (run.process.exitCode === null) run.process.kill("SIGTERM");
  await expect.poll(verbs, { timeout: 20_000, interval: 100 }).toEqual([]);
});
afterAll(() => removeHome(home));

/** Everything that runs for our home: its verbs by their words, its servers by their names. */
function verbs(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const words = read(pid, "cmdline").split("\0").slice(0, -1);
      if (words[0]?.endsWith("java") === true && words.some((word) => word.startsWith(home)))
        return ["Kafka"];
      if (words[0]?.endsWith("/postgres") === true && words.some((word) => word.startsWith(home)))
        return ["Postgres"];
      const main = words.findIndex((word) => word.endsWith("runtime/main.js"));
      return main > 0 && read(pid, "environ").includes(`SLUICE_HOME=${home}\0`)
        ? [words.slice(main + 1).join(" ")]
        : [];
    })
    .sort();
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(join("/proc", pid, file), "utf8");
  } catch {
    return "";
  }
}

async function startedRun(): Promise<Sluice> {
  const run = startSluice(["run"], env);
  runs.push(run);
  await expect.poll(verbs, { timeout: 60_000, interval: 100 }).toEqual(["Kafka", "Postgres", ...STAGES]);
  return run;
}

describe.skipIf(!existsSync("/proc/self/environ"))(
  "sluice run, alone on a machine (looks into /proc)",
  () => {
    test("starts all, lets other verbs use its services, and is gone within ten seconds of SIGTERM", async () => {
      const run = await startedRun();
      const standing = JSON.parse(await sluice(["status", "--json"], env)) as Record<string, unknown>;
      const address = JSON.parse(readFileSync(join(home, "services", "kafka.json"), "utf8")) as {
        address: string;
      };
      expect(standing).toMatchObject({
        kafka: address.address,
        lake: join(home, "lake"),
        chains: [{ chain: "ethereum", raw: null, final: null, postgres: null, parquet: null, halts: [] }],
      });
      expect(verbs()).toEqual(["Kafka", "Postgres", ...STAGES]);
      const askedAt = performance.now();
      run.process.kill("SIGTERM");
      const end = await run.ended;
      expect(end.code, end.err).toBe(0);
      expect(performance.now() - askedAt).toBeLessThan(10_000);
      expect(end.err).not.toContain("secretkey");
    });

    test("takes everything with it when it is killed", async () => {
      const run = await startedRun();
      run.process.kill("SIGKILL");
      await run.ended;
      await expect.poll(verbs, { timeout: 20_000, interval: 100 }).toEqual([]);
    });

    test("restarts a stage that is killed", async () => {
      const run = await startedRun();
      const pidOf = (words: string) =>
        readdirSync("/proc").find(
          (pid) =>
            /^\d+$/.test(pid) &&
            read(pid, "cmdline").includes(`main.js\0${words.replace(" ", "\0")}`) &&
            read(pid, "environ").includes(home),
        );
      const killed = pidOf("gate ethereum");
      process.kill(Number(killed), "SIGKILL");
      await expect
        .poll(() => pidOf("gate ethereum"), { timeout: 20_000, interval: 100 })
        .toSatisfy((pid: string | undefined) => pid !== undefined && pid !== killed);
      run.process.kill("SIGINT");
      expect((await run.ended).code).toBe(0);
    });
    test("ends with exit code 4 and says why when its database can't come up again", async () => {
      const run = await startedRun();
      const data = join(home, "postgres", "data");
      renameSync(join(data, "PG_VERSION"), join(data, "PG_VERSION.away"));
      process.kill(Number(readFileSync(join(home, "postgres", "server.pid"), "utf8")), "SIGKILL");
      const end = await run.ended;
      renameSync(join(data, "PG_VERSION.away"), join(data, "PG_VERSION"));
      expect(end.code, end.err).toBe(4);
      expect(end.err).toMatch(/^sluice: embedded Postgres: did not start; the end of .*output\.txt:$/m);
      expect(end.err).toMatch(/is not a valid data directory/);
    });
  },
);

describe("the command line", () => {
  const refusal = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const end = await startSluice(args, { ...env, ...more }).ended;
    return { code: end.code, said: end.err.trim() };
  };

  test.each([
    ["ETHEREUM_RPC_URL", "ethereum", ["run"]],
    ["BITCOIN_RPC_URL", "bitcoin", ["run"]],
    ["BITCOIN_RPC_URL", "bitcoin", ["ingest", "bitcoin"]],
  ])("says that %s is missing for %s, before anything is started: %j", async (variable, chain, args) => {
    const fresh = join(home, "fresh");
    const config = configOfBoth();
    const urls = { BITCOIN_RPC_URL: "http://user:secretpass@127.0.0.1:1", [variable]: "" };
    expect(await refusal(args, { SLUICE_HOME: fresh, SLUICE_CONFIG: config, ...urls })).toEqual({
      code: 2,
      said: `sluice: no node for chain ${chain}: set ${variable} to the URL of one (several: comma-separated, most trusted first), or take the chain out of ${config}`,
    });
    expect(existsSync(fresh)).toBe(false);
  });

  test.each([
    [["gate", "dogecoin"], /^sluice: no chain dogecoin in .*sluice\.json; it has ethereum$/],
    [["run", "--until", "dogecoin=5"], /^sluice: no chain dogecoin/],
    [["gate", "ethereum", "--until", "ethereum"], /^sluice: --until ethereum: write <chain>=<height>/],
    [["warehouse", "oracle"], /^sluice: warehouse oracle: there are postgres and parquet$/],
    [["warehouse", "parquet", "--chain", "dogecoin"], /^sluice: no chain dogecoin in .*; it has ethereum$/],
    [["gait", "ethereum"], /unknown command 'gait'/],
    [["gate"], /missing required argument 'chain'/],
    [["gate", "ethereum", "--untill", "ethereum=5"], /unknown option '--untill'/],
  ])("refuses %j", async (args, said) => {
    const end = await refusal(args);
    expect(end.said).toMatch(said);
    expect(end.code).toBe(2);
  });

  test("explains itself", async () => {
    const help = await sluice(["--help"], env);
    const names = [
      "run",
      "ingest",
      "gate",
      "flows",
      "aggregate",
      "warehouse",
      "feed",
      "status",
      "verify",
      "sql",
      "table",
    ];
    expect(names.filter((name) => !new RegExp(`^ {2}${name}\\b`, "m").test(help))).toEqual([]);
  });
});

function configOfBoth(): string {
  const { chains } = JSON.parse(readFileSync("sluice.json", "utf8"));
  const bitcoin = { kind: "bitcoin", network: "mainnet", start: "latest" };
  const path = join(home, "both.json");
  writeFileSync(path, JSON.stringify({ chains: { ...chains, bitcoin }, labels: [], assets: [] }));
  return path;
}
