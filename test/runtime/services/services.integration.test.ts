import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { startKafka } from "../../../runtime/services/kafka.ts";
import { probeKafka } from "../../../runtime/services/kafka-probe.ts";
import { startPostgres } from "../../../runtime/services/postgres.ts";
import { commandLine } from "../../../runtime/services/process.ts";
import { readPid } from "../../../runtime/services/tether.ts";
import { removeHome, temporaryHome } from "../../services.ts";
import { runModule } from "../../support/module.ts";

const home = temporaryHome("services");
const kafkaPid = () => readPid(join(home, "kafka", "server.pid"));
const postgresPid = () => readPid(join(home, "postgres", "server.pid"));

afterEach(() => {
  expect([kafkaPid(), postgresPid()].filter(isServer)).toEqual([]);
});

describe("Postgres", () => {
  test("keeps its rows when it is killed, and is back by itself under the same URL", async () => {
    const { url, stop } = await startPostgres({ home });
    await query(url, "create table kept (n int); insert into kept values (7)");
    const killed = kill(postgresPid());
    await expect.poll(() => postgresPid(), { timeout: 60_000 }).not.toBe(killed);
    await expect
      .poll(() => query(url, "select n from kept").catch(() => []), { timeout: 60_000 })
      .toEqual([{ n: 7 }]);
    await stop();
  });

  test("listens on loopback only, and asks for its password, which only the home's owner can read", async () => {
    const { url, stop } = await startPostgres({ home });
    const stranger = new URL(url);
    stranger.password = "guess";
    await expect(query(stranger.href, "select 1")).rejects.toThrow(
      'password authentication failed for user "sluice"',
    );
    expect(statSync(join(home, "postgres.password")).mode & 0o777).toBe(0o600);
    expect(await query(url, "show listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
    expect(await query(url, "show unix_socket_directories")).toEqual([{ unix_socket_directories: "" }]);
    expect(await query(url, "show server_version_num")).toEqual([{ server_version_num: "180004" }]);
    await stop();
    removeHome(home);
  });
});

describe("Kafka", () => {
  test("is back on its data and port when it is killed", async () => {
    const { brokers, stop } = await startKafka({ home });
    const cluster = readFileSync(join(home, "kafka", "data", "meta.properties"), "utf8");
    const killed = kill(kafkaPid());
    await expect.poll(() => kafkaPid(), { timeout: 60_000 }).not.toBe(killed);
    await expect.poll(() => answers(brokers), { timeout: 60_000 }).toBe(true);
    await stop();
    expect(readFileSync(join(home, "kafka", "data", "meta.properties"), "utf8")).toBe(cluster);
  });
});

describe("a process that is killed", () => {
  test("takes its servers with it, and the next start has their data", async () => {
    const owner = runModule(
      `import { startKafka } from "runtime/services/kafka.js";
       import { startPostgres } from "runtime/services/postgres.js";
       const kafka = await startKafka({ home: ${JSON.stringify(home)} });
       const postgres = await startPostgres({ home: ${JSON.stringify(home)} });
       console.log(JSON.stringify([kafka.brokers, postgres.url]));`,
    );
    const [brokers, url] = JSON.parse(await owner.line()) as [string, string];
    await query(url, "create table kept (n int); insert into kept values (8)");
    owner.kill("SIGKILL");
    const kafka = await startKafka({ home });
    const postgres = await startPostgres({ home });
    expect([kafka.brokers, postgres.url]).toEqual([brokers, url]);
    expect(await query(url, "select n from kept")).toEqual([{ n: 8 }]);
    await Promise.all([kafka.stop(), postgres.stop()]);
  });

  test("leaves nothing running", async () => {
    const owner = runModule(
      `import { startKafka } from "runtime/services/kafka.js";
       import { startPostgres } from "runtime/services/postgres.js";
       await Promise.all([startKafka({ home: ${JSON.stringify(home)} }), startPostgres({ home: ${JSON.stringify(home)} })]);
       console.log("up");`,
    );
    expect(await owner.line()).toBe("up");
    expect([kafkaPid(), postgresPid()].map(isServer)).toEqual([true, true]);
    owner.kill("SIGKILL");
    await expect
      .poll(() => [kafkaPid(), postgresPid()].map(isServer), { timeout: 60_000 })
      .toEqual([false, false]);
    removeHome(home);
    expect(existsSync(home)).toBe(false);
  });
});

/** Whether that process is alive and works on our home. */
function isServer(pid: number | undefined): boolean {
  return pid !== undefined && commandLine(pid)?.includes(home) === true;
}

function kill(pid: number | undefined): number {
  if (pid === undefined) throw new Error("no server runs");
  process.kill(pid, "SIGKILL");
  return pid;
}

async function answers(brokers: string): Promise<boolean> {
  await sleep(50);
  return probeKafka(Number(brokers.split(":")[1])).then(
    () => true,
    () => false,
  );
}

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
