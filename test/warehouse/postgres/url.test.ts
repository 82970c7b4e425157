import { describe, expect, it } from "vitest";
import { freePort } from "../../../runtime/services/port.ts";
import { openDatabase } from "../../../warehouse/postgres/client.ts";
import { DatabaseUnreachable } from "../../../warehouse/postgres/outage.ts";
import { DatabaseUrlInvalid, readAddress } from "../../../warehouse/postgres/url.ts";

describe("readAddress", () => {
  it.each([
    ["postgres://me:secret@db.example:6543/sluice", "db.example:6543/sluice"],
    ["postgresql://db.example/sluice", "db.example:5432/sluice"],
    ["postgres:///sluice?host=/run/postgresql", "/run/postgresql:5432/sluice"],
  ])("%s is at %s, without credentials", (url, place) => {
    expect(readAddress(url).place).toBe(place);
  });

  it("leaves a URL without sslmode as it is", () => {
    expect(readAddress("postgres://me@h/d")).toEqual({
      connectionString: "postgres://me@h/d",
      plainFallback: undefined,
      place: "h:5432/d",
    });
  });

  it.each([
    ["require", "require"],
    ["verify-full", "verify-full"],
    ["disable", "disable"],
    ["prefer", "prefer"],
    ["allow", "prefer"],
  ])("takes sslmode=%s as libpq does", (mode, told) => {
    const address = readAddress(`postgres://me@h/d?sslmode=${mode}`);
    expect(address.connectionString).toBe(`postgres://me@h/d?sslmode=${told}&uselibpqcompat=true`);
    expect(address.plainFallback).toBe(
      told === "prefer" ? "postgres://me@h/d?sslmode=disable&uselibpqcompat=true" : undefined,
    );
  });

  it.each([
    "",
    "localhost/sluice",
    "mysql://me:secret@h/d",
    "postgres//me:secret@h",
    "postgres://me:secret%ff@h/d",
  ])("refuses %j, without repeating it", (url) => {
    expect(() => readAddress(url)).toThrow(new DatabaseUrlInvalid());
    expect(new DatabaseUrlInvalid().message).not.toContain("secret");
  });
});

describe("openDatabase", () => {
  it("gives up after its patience, and names host and database only", async () => {
    const port = await freePort("nobody");
    const failure = await openDatabase(`postgres://me:secret@127.0.0.1:${port}/sluice`, {
      patienceMs: 300,
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DatabaseUnreachable);
    expect((failure as Error).message).toBe(
      `no Postgres answers at 127.0.0.1:${port}/sluice (connect ECONNREFUSED 127.0.0.1:${port}, ECONNREFUSED); check DATABASE_URL`,
    );
  });

  it("stops waiting when it is told to", async () => {
    const url = `postgres://me@127.0.0.1:${await freePort("nobody")}/sluice`;
    await expect(openDatabase(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/abort/i);
  });
});
