import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodeOf } from "../../runtime/exit.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { serverUser } from "../../runtime/services/postgres-files.ts";
import { openDatabase } from "../../warehouse/postgres/client.ts";
import { removeHome, temporaryHome, testPostgres } from "../services.ts";
import { startSluice } from "../support/sluice.ts";
import { type Authority, makeAuthority } from "./authority.ts";

const folder = temporaryHome("secure-postgres");
let right: Authority;
let wrong: Authority;
let postgres: PostgresService;

beforeAll(async () => {
  right = makeAuthority(folder, "right");
  wrong = makeAuthority(folder, "wrong");
  postgres = await testPostgres();
  await demandTls(postgres.url);
});
afterAll(async () => {
  await postgres.stop();
  removeHome(folder);
});

/** From now on the server has TLS, and lets nobody in without. */
async function demandTls(url: string): Promise<void> {
  const user = serverUser();
  chmodSync(right.key, 0o600);
  if (user !== undefined) chownSync(right.key, user.uid, user.gid);
  const db = await openDatabase(url);
  try {
    await db.query(`alter system set ssl_cert_file = '${right.certificate}'`);
    await db.query(`alter system set ssl_key_file = '${right.key}'`);
    await db.query("alter system set ssl = on");
    const [row] = await db.query<{ hba_file: string }>("show hba_file");
    writeFileSync(row?.hba_file ?? "", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
    await db.query("select pg_reload_conf()");
  } finally {
    await db.close();
  }
}

function secured(mode: string, authority?: Authority): string {
  const url = new URL(postgres.url);
  url.searchParams.set("sslmode", mode);
  if (authority !== undefined) url.searchParams.set("sslrootcert", authority.ca);
  return url.href;
}

describe("a Postgres that demands TLS", () => {
  test.each(["verify-full", "verify-ca", "require"])(
    "is used by sslmode=%s with the authority's certificate",
    async (mode) => {
      const db = await openDatabase(secured(mode, right));
      try {
        expect(await db.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toEqual([
          { ssl: true },
        ]);
      } finally {
        await db.close();
      }
    },
  );

  test("is used by verbs", async () => {
    const env = { SLUICE_HOME: folder, DATABASE_URL: secured("verify-full", right) };
    expect(await startSluice(["table"], env).ended).toMatchObject({
      code: 0,
      out: "no complete hour with flows yet\n",
    });
  });

  test.each<[string, () => string, RegExp]>([
    ["another authority", () => secured("verify-full", wrong), /certificate/],
    ["no authority at all", () => secured("verify-full"), /certificate/],
    ["no TLS", () => secured("disable"), /no encryption/],
  ])("is not used with %s", async (_, url, reason) => {
    const error = await openDatabase(url(), { patienceMs: 5000 }).catch((cause: Error) => cause);
    expect([exitCodeOf(error), (error as Error).message]).toEqual([4, expect.stringMatching(reason)]);
    expect((error as Error).message).not.toContain(new URL(postgres.url).password);
  });
});
