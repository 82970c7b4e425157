import { CLOCK } from "../../stream/kafka/clock.ts";
import type { ServedSession } from "../session.ts";

/** Makes the schema where no store has done so yet; a database that goes away meanwhile is waited for. Throws `DatabaseUnreachable`. */
export async function ensureSchema({ services, log, signal }: ServedSession): Promise<void> {
  const { openDatabase } = await import("../../warehouse/postgres/client.ts");
  const { migrate } = await import("../../warehouse/postgres/migrate.ts");
  const { persist } = await import("../../warehouse/postgres/persist.ts");
  const db = await openDatabase(services.databaseUrl, { signal });
  try {
    await persist(() => migrate(db), { place: db.place, log, clock: CLOCK, signal });
  } finally {
    await db.close();
  }
}
