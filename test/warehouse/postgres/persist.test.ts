import type { Logger } from "pino";
import { describe, expect, it } from "vitest";
import { CLOCK } from "../../../stream/kafka/clock.ts";
import { DatabaseUnreachable, isOutage } from "../../../warehouse/postgres/outage.ts";
import { persist } from "../../../warehouse/postgres/persist.ts";

const coded = (code: string) => Object.assign(new Error("failed"), { code });

describe("isOutage", () => {
  it.each([
    "ECONNREFUSED",
    "ECONNRESET",
    "57P01",
    "57P03",
    "08006",
    "40001",
    "40P01",
    "53300",
    "53100",
    "25006",
  ])("%s may pass", (code) => {
    expect(isOutage(coded(code))).toBe(true);
  });

  it.each(["23505", "42501", "28P01", "3D000", "22003"])("%s does not pass", (code) => {
    expect(isOutage(coded(code))).toBe(false);
  });

  it("knows the connection errors that have no code, and several at once", () => {
    expect(isOutage(new Error("Connection terminated unexpectedly"))).toBe(true);
    expect(isOutage(new AggregateError([coded("ECONNREFUSED"), coded("ECONNREFUSED")]))).toBe(true);
    expect(isOutage(new Error("no such thing"))).toBe(false);
    expect(isOutage("Connection terminated")).toBe(false);
  });
});

describe("DatabaseUnreachable", () => {
  it.each(["53100", "40P01", "25006"])(
    "tells of a server that answers by %s, and can't do the work",
    (code) => {
      expect(new DatabaseUnreachable("h:5432/d", { cause: coded(code) }).message).toBe(
        `Postgres at h:5432/d can't do its work (failed, ${code}); mend that there: what is missing in it is still in the topics`,
      );
    },
  );

  it.each(["ECONNREFUSED", "57P03", "28P01"])("tells of none by %s", (code) => {
    expect(new DatabaseUnreachable("h:5432/d", { cause: coded(code) }).message).toBe(
      `no Postgres answers at h:5432/d (failed, ${code}); check DATABASE_URL`,
    );
  });
});

describe("persist", () => {
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
  const edge = { place: "h:5432/d", log, clock: CLOCK, signal: new AbortController().signal };

  it("does the work again until it succeeds, and says once that Postgres is away", async () => {
    let tries = 0;
    const done = await persist(async () => {
      tries += 1;
      if (tries < 4) throw coded("ECONNREFUSED");
      return "done";
    }, edge);
    expect([done, tries]).toEqual(["done", 4]);
    expect(warnings).toEqual([{ place: "h:5432/d", reason: "failed" }]);
  });

  it("does not repeat what is no outage", async () => {
    let tries = 0;
    const failing = persist(async () => {
      tries += 1;
      throw coded("23505");
    }, edge);
    await expect(failing).rejects.toThrow("failed");
    expect(tries).toBe(1);
  });

  it("gives up after its patience", async () => {
    const failing = persist(() => Promise.reject(coded("ECONNREFUSED")), { ...edge, patienceMs: 150 });
    await expect(failing).rejects.toBeInstanceOf(DatabaseUnreachable);
  });

  it("ends when it is told to", async () => {
    const failing = persist(() => Promise.reject(coded("ECONNREFUSED")), {
      ...edge,
      signal: AbortSignal.timeout(150),
    });
    await expect(failing).rejects.toThrow(/abort/i);
  });
});
