import { CLOCK } from "../../stream/kafka/clock.ts";
import type { Migrated } from "../../warehouse/postgres/migrate.ts";
import type { Needs } from "../services/open.ts";
import { openSession, type ServedSession, withServices } from "../session.ts";

const POSTGRES: Needs = new Set(["postgres"]);

/** Brings the schema up to date and says what that took: once as the database's owner, so that stages can log in as less. */
export async function migrateSchema(signal: AbortSignal): Promise<undefined> {
  await withServices(openSession("migrate", signal), POSTGRES, async (session) => {
    const { applied, missingRoles } = await ensureSchema(session);
    process.stdout.write(
      applied.length === 0 ? "the schema is up to date\n" : `applied: ${applied.join(", ")}\n`,
    );
    if (missingRoles.length > 0)
      session.log.warn({ missingRoles }, "roles missing: create them to grant rights by them");
  });
}

/** Makes the schema where no store has done so yet; a database that goes away meanwhile is waited for. Throws `DatabaseUnreachable`. */
export async function ensureSchema({ services, log, signal }: ServedSession): Promise<Migrated> {
  const { openDatabase } = await import("../../warehouse/postgres/client.ts");
  const { migrate } = await import("../../warehouse/postgres/migrate.ts");
  const { persist } = await import("../../warehouse/postgres/persist.ts");
  const db = await openDatabase(services.databaseUrl, { signal });
  try {
    return await persist(() => migrate(db), { place: db.place, log, clock: CLOCK, signal });
  } finally {
    await db.close();
  }
}
