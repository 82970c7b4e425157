import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chainKind } from "../../runtime/chains.ts";
import type { ChainConfig } from "../../runtime/config.ts";
import type { Database } from "../../warehouse/postgres/client.ts";
import { putChain } from "../warehouse/postgres/hours.ts";
import { startServer, type TestServer } from "../warehouse/postgres/server.ts";

const FIRST = Date.parse("2023-07-13T17:00:00Z");
const common = { start: 100, finality: { confirmations: 6 }, pollMs: 1000, waive: [] };
const chains: readonly ChainConfig[] = [
  { kind: "ethereum", chainId: 1, traces: false, ...common },
  { kind: "bitcoin", network: "mainnet", ...common },
];

let server: TestServer;
let db: Database;
beforeAll(async () => {
  server = await startServer();
  db = (await server.migrated()).db;
});
afterAll(() => server.stop());

test.each(chains)(
  "a $kind chain is covered from as long after its first block in SQL as where hours are summed",
  async (chain) => {
    const { kind } = chain;
    await putChain(db, { name: kind, kind, first: new Date(FIRST).toISOString(), watermark: null });
    const rows = await db.query<{ covered_from: Date }>(
      "select covered_from from sluice.chain_windows where chain = $1",
      [kind],
    );
    const coveredFrom = new Date(FIRST + 1000 * chainKind(chain).coverageLagS);
    expect(rows).toEqual([{ covered_from: coveredFrom }]);
    expect(await db.query(readFileSync("sql/checks/chain_windows.sql", "utf8"))).toEqual([]);
  },
);
