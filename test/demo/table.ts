import { pino } from "pino";
import { readEnvironment } from "../../runtime/environment.ts";
import { openServices } from "../../runtime/services/open.ts";
import { type Database, openDatabase } from "../../warehouse/postgres/client.ts";
import { type Row24h, table24h } from "../../warehouse/postgres/table.ts";

/** The 24 h table of a home whose `sluice run` is alive. */
export interface LiveTable {
  /** The database's address, password included: the demo's own, on loopback. */
  readonly url: string;
  rows(): Promise<readonly Row24h[]>;
  close(): Promise<void>;
}

/** Opens it; to be called once the run has stored something. */
export async function openLiveTable(env: NodeJS.ProcessEnv): Promise<LiveTable> {
  const services = await openServices(readEnvironment(env), new Set(["postgres"]), pino({ level: "silent" }));
  const db: Database = await openDatabase(services.databaseUrl, { application: "sluice demo" });
  return {
    url: services.databaseUrl,
    rows: () => table24h(db),
    close: async () => {
      await db.close();
      await services.stop();
    },
  };
}
