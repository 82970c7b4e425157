import type { Needs } from "../services/open.ts";
import { openSession, outputFolders, withServices } from "../session.ts";

const POSTGRES: Needs = new Set(["postgres"]);

/** Prints the answer of the lake to an SQL query. Throws `QueryFailed`. */
export async function sql(query: string, json: boolean, signal: AbortSignal): Promise<undefined> {
  const { env } = openSession("sql", signal);
  const { queryLake } = await import("../../warehouse/lake/query.ts");
  process.stdout.write(await queryLake(outputFolders(env).lake, query, { json, signal }));
}

/** Prints the 24 h table of all chains. */
export async function table(json: boolean, signal: AbortSignal): Promise<undefined> {
  const { openDatabase } = await import("../../warehouse/postgres/client.ts");
  const { renderTable, table24h } = await import("../../warehouse/postgres/table.ts");
  await withServices(openSession("table", signal), POSTGRES, async ({ services }) => {
    const db = await openDatabase(services.databaseUrl, { signal });
    try {
      const rows = await table24h(db);
      process.stdout.write(`${json ? JSON.stringify(rows, undefined, 2) : renderTable(rows)}\n`);
    } finally {
      await db.close();
    }
  });
}
