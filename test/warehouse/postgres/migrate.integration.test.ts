import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../warehouse/postgres/client.ts";
import { MigrationChanged, MigrationFailed, migrate } from "../../../warehouse/postgres/migrate.ts";
import { readSqlFiles } from "../../../warehouse/postgres/sql-files.ts";
import { loginRole, startServer, type TestServer } from "./server.ts";

let server: TestServer;
let shared: Database;
beforeAll(async () => {
  server = await startServer();
  shared = (await server.migrated()).db;
});
afterAll(() => server.stop());

const names = [...readSqlFiles("migrations").map((file) => file.name), "marts"];

async function opened<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(url);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

describe("migrate", () => {
  it("applies everything in order, once", async () => {
    await opened(server.url(await server.create()), async (db) => {
      expect(await migrate(db)).toEqual({ applied: names, missingRoles: [] });
      expect(await migrate(db)).toEqual({ applied: [], missingRoles: [] });
    });
  });

  it("may be run by several processes at once", async () => {
    const url = server.url(await server.create());
    const applied = await Promise.all(
      [1, 2, 3].map(() => opened(url, async (db) => (await migrate(db)).applied)),
    );
    expect(applied.flat().sort()).toEqual([...names].sort());
  });

  it("refuses a file that was changed after it was applied", async () => {
    const { db } = await server.migrated();
    await db.query("update sluice.migrations set checksum = 'other' where name = '0001_schema.sql'");
    await expect(migrate(db)).rejects.toThrow(
      new MigrationChanged(
        "0001_schema.sql",
        "was changed after it was applied; restore the file and add a new one",
      ),
    );
  });

  it("refuses a database that a newer Sluice migrated", async () => {
    const { db } = await server.migrated();
    await db.query("insert into sluice.migrations values ('0999_future.sql', 'x', now())");
    await expect(migrate(db)).rejects.toThrow(
      "migration 0999_future.sql was applied by a newer Sluice; update this one",
    );
  });

  it("makes views and rights anew when one of them changed", async () => {
    const { db } = await server.migrated();
    await db.query("update sluice.migrations set checksum = 'before' where name = 'marts'");
    expect((await migrate(db)).applied).toEqual(["marts"]);
  });

  it("says who must start it when the user may not create", async () => {
    const database = await server.create();
    await server.run(database, loginRole("stranger"));
    await opened(server.url(database, "stranger"), async (db) => {
      const failure = await migrate(db).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationFailed);
      expect((failure as Error).message).toMatch(
        /^migration of schema sluice failed at 127\.0\.0\.1:\d+\/test_\d+: permission denied for database test_\d+; run `sluice migrate` as the owner of the database$/,
      );
    });
  });

  it("goes on without roles that it may not create, names them, and grants their rights once they are there", async () => {
    const plain = await startServer();
    try {
      const database = await plain.create();
      await plain.run(database, loginRole("landlord"));
      await plain.run(database, `alter database ${database} owner to landlord`);
      await opened(plain.url(database, "landlord"), async (db) => {
        expect(await migrate(db)).toEqual({
          applied: names,
          missingRoles: ["sluice_writer", "sluice_reader"],
        });
        await plain.run(database, "create role sluice_reader nologin; create role sluice_writer nologin");
        expect(await migrate(db)).toEqual({ applied: ["marts"], missingRoles: [] });
        const [row] = await db.query(
          "select has_table_privilege('sluice_reader', 'public.blocks', 'select') as may",
        );
        expect(row).toEqual({ may: true });
      });
    } finally {
      await plain.stop();
    }
  });
});

describe("the schema", () => {
  it("has a comment on every table, view, column and function of ours", async () => {
    await shared.query("select sluice.make_flow_legs_partition('2023-07-13')");
    const relations = `select c.oid, n.nspname || '.' || c.relname as name from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'sluice') and c.relkind in ('r', 'p', 'v')`;
    const silent = await shared.query(`
      with relations as (${relations})
      select name from relations where obj_description(oid, 'pg_class') is null
      union all
      select name || '.' || attname from relations
      join pg_attribute on attrelid = relations.oid and attnum > 0 and not attisdropped
      where col_description(relations.oid, attnum) is null
      union all
      select proname from pg_proc where pronamespace = 'sluice'::regnamespace and obj_description(oid, 'pg_proc') is null`);
    expect(silent).toEqual([]);
    expect(await shared.query(`select count(*)::int from (${relations}) as every`)).toEqual([{ count: 21 }]);
  });

  it("has the tables' columns and types as the contract names them", async () => {
    const columns = async (table: string) => {
      const rows = await shared.query<{ column: string }>(
        `select attname || ' ' || format_type(atttypid, atttypmod) as column from pg_attribute
         where attrelid = $1::regclass and attnum > 0 order by attnum`,
        [`public.${table}`],
      );
      return rows.map((row) => row.column).join(", ");
    };
    const time = "timestamp with time zone";
    expect(await columns("chains")).toBe(
      `chain text, kind text, first_height bigint, first_time ${time}, final_height bigint, final_hash text, final_time ${time}, watermark ${time}`,
    );
    expect(await columns("blocks")).toBe(
      `chain text, height bigint, block_hash text, parent_hash text, block_time ${time}, status text`,
    );
    expect(await columns("flow_legs")).toBe(
      `chain text, height bigint, block_hash text, block_time ${time}, tx_hash text, leg integer, asset text, kind text, flow_type text, from_exchange text, to_exchange text, from_address text, to_address text, amount numeric(78,0), evidence text, label_version text`,
    );
    expect(await columns("exchange_flows_hourly")).toBe(
      `chain text, exchange text, asset text, hour ${time}, inflow numeric(78,0), outflow numeric(78,0), netflow numeric(78,0), inflow_inter numeric(78,0), outflow_inter numeric(78,0), intra numeric(78,0), inflow_txs bigint, outflow_txs bigint, inflow_transfers bigint, outflow_transfers bigint, issued numeric(78,0), redeemed numeric(78,0), fees numeric(78,0), complete boolean, first_height bigint, last_height bigint`,
    );
  });

  it.each([
    ["2023-07-01T00:00:00Z", "flow_legs_2023_07"],
    ["2023-07-31T23:59:59Z", "flow_legs_2023_07"],
    ["2023-08-01T00:00:00Z", "flow_legs_2023_08"],
  ])("keeps a leg of %s in %s, whatever the session's zone", async (time, partition) => {
    const found = await shared.transaction(async (dbTransaction) => {
      await dbTransaction.query("set local timezone to 'Asia/Kathmandu'");
      for (const month of ["2023-07-13", "2023-08-01", "2023-07-13"]) {
        await dbTransaction.query("select sluice.make_flow_legs_partition($1::date)", [month]);
      }
      await dbTransaction.query(
        `insert into public.flow_legs values ($1::text, 1, '0xb', $1::timestamptz, null, 0, 'ETH', 'reward', 'issued', null, 'a', null, '0xa', 1, 'block', 'v')`,
        [time],
      );
      return dbTransaction.query(
        "select tableoid::regclass::text as partition from public.flow_legs where chain = $1",
        [time],
      );
    });
    expect(found).toEqual([{ partition }]);
  });
});

describe("the partition of a month", () => {
  const make = "select sluice.make_flow_legs_partition('2031-05-07')";

  it("is made by one of two chains that reach it at once; the other waits and goes on", async () => {
    const { db } = await server.migrated();
    const second = await db.transaction(async (first) => {
      await first.query(make);
      const waiting = db.transaction((dbTransaction) => dbTransaction.query(make));
      await untilWaiting(first);
      return { waiting };
    });
    await second.waiting;
    expect(await db.query("select relname from pg_class where relname = 'flow_legs_2031_05'")).toEqual([
      { relname: "flow_legs_2031_05" },
    ]);
  });

  async function untilWaiting(db: Queryable): Promise<void> {
    const waiters =
      "select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
    while ((await db.query(waiters)).length === 0) await sleep(10);
  }
});

describe("roles", () => {
  it.each([
    ["select * from public.exchange_flows_24h_usd", "may"],
    ["select * from public.exchange_flows_daily_usd", "may"],
    ["select * from public.flow_legs", "may"],
    ["select * from public.labels", "may"],
    ["select * from sluice.offsets", "permission denied for schema sluice"],
    [
      "insert into public.prices values ('ethereum', 'ETH', '2023-07-13T00:00Z', 1)",
      "permission denied for table prices",
    ],
    ["select sluice.make_flow_legs_partition('2023-07-13')", "permission denied for schema sluice"],
  ])("sluice_reader: %s: %s", async (sql, verdict) => {
    expect(await verdictAs("sluice_reader", sql)).toBe(verdict);
  });

  it.each([
    ["insert into sluice.offsets values ('ethereum', 't', 0)", "may"],
    ["select * from public.exchange_flows_daily_usd", "may"],
    ["drop table public.blocks", "must be owner of table blocks"],
    ["truncate public.blocks", "permission denied for table blocks"],
    ["delete from public.blocks", "permission denied for table blocks"],
    ["delete from sluice.offsets", "permission denied for table offsets"],
    ["create table public.mine ()", "permission denied for schema public"],
    ["create table sluice.mine ()", "permission denied for schema sluice"],
    ["update sluice.migrations set checksum = 'x'", "permission denied for table migrations"],
  ])("sluice_writer: %s: %s", async (sql, verdict) => {
    expect(await verdictAs("sluice_writer", sql)).toBe(verdict);
  });

  it("sluice_reader reads every table and view of schema public that is not a partition", async () => {
    const hidden = await shared.query(`select relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition
        and not has_table_privilege('sluice_reader', oid, 'select')`);
    expect(hidden).toEqual([]);
  });

  async function verdictAs(role: string, sql: string): Promise<string> {
    return shared
      .transaction(async (dbTransaction) => {
        await dbTransaction.query(`set local role ${role}`);
        await dbTransaction.query(sql);
        return "may";
      })
      .catch((error: Error) => error.message);
  }
});
