import type { Database, DbTransaction } from "../../warehouse/postgres/client.ts";
import { type Session, SimServer, terminated } from "./postgres-server.ts";
import { never, type SimProcess } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";
import { parse, type Row, type Statement } from "./sql.ts";

/** How often a statement, a connection or the answer to a commit is lost. */
const LOST = 0.01;
const UNREACHABLE = 0.02;
const UNANSWERED = 0.03;
/** How long after its client has given it up a commit may still come. */
const LATEST_COMMIT_MS = 300;

/** The client does not know whether its transaction stands; the server does. */
class CommitInDoubt extends Error {
  override readonly name = "CommitInDoubt";
  constructor() {
    super("Connection terminated unexpectedly");
  }
}

/** A Postgres in memory, whose clients die, freeze or are cut off at any statement. */
export class SimPostgres {
  readonly #scheduler: Scheduler;
  readonly #server = new SimServer();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The rows of a table, committed. */
  rows(table: string): readonly Row[] {
    return this.#server.rows(table);
  }

  /** A process's pool of connections; `application` is what a successor knows them by. */
  open(process: SimProcess, application: string): Database {
    return {
      place: "simulated",
      query: (text, values) =>
        this.#inSession(process, application, (session) =>
          // The server commits a statement that stands alone, whatever its client does meanwhile.
          this.#client(process, session, () => this.#commit(process, session)).query(text, values),
        ),
      transaction: (work) =>
        this.#inSession(process, application, async (session) => {
          const result = await work(this.#client(process, session, () => undefined));
          await process.effect("postgres: commit");
          this.#commit(process, session);
          return result;
        }),
      close: async () => undefined,
    };
  }

  async #inSession<T>(
    process: SimProcess,
    application: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    await process.effect("postgres: begin");
    if (process.fault("Postgres can't be reached", UNREACHABLE)) throw refused();
    const session = this.#server.begin(application);
    process.onDeath(() => {
      if (!session.committing) this.#server.end(session);
    });
    try {
      const result = await work(session);
      await process.effect("postgres: committed");
      return result;
    } catch (error) {
      if (!(error instanceof CommitInDoubt)) this.#server.end(session);
      throw error;
    }
  }

  #commit(process: SimProcess, session: Session): void {
    if (session.over) throw terminated();
    if (process.fault("the connection to Postgres is lost at the commit", LOST)) throw terminated();
    if (process.fault("a commit in Postgres comes after its client gave it up", UNANSWERED)) {
      session.committing = true;
      this.#scheduler.after(this.#scheduler.random.next() * LATEST_COMMIT_MS, () => {
        if (!session.over) this.#server.commit(session);
      });
      throw new CommitInDoubt();
    }
    this.#server.commit(session);
    if (process.fault("the answer to a commit in Postgres is lost", UNANSWERED)) throw new CommitInDoubt();
  }

  #client(process: SimProcess, session: Session, done: () => void): DbTransaction {
    const run = async (
      text: string,
      given: { readonly values?: readonly unknown[]; readonly chunks?: Iterable<string> },
    ) => {
      const statement = parse(text);
      if (isShared(statement)) await process.effect(`postgres: ${nameOf(statement)}`);
      if (isShared(statement) && process.fault("the connection to Postgres is lost", LOST))
        this.#server.end(session);
      const rows = this.#server.run(session, { statement, values: [], chunks: [], ...given });
      return this.#answer(
        process,
        session,
        rows.then((found) => {
          done();
          return found;
        }),
      );
    };
    return {
      query: async <R>(text: string, values: readonly unknown[] = []) =>
        (await run(text, { values })) as readonly R[],
      copyIn: async (text, chunks) => {
        await run(text, { chunks });
      },
    };
  }

  /** The server works on while its client is frozen; a client that is dead hears of nothing. */
  async #answer(
    process: SimProcess,
    session: Session,
    rows: Promise<readonly Row[]>,
  ): Promise<readonly Row[]> {
    try {
      return await rows;
    } finally {
      if (process.dead) await never();
      if (session.waited) await process.effect("postgres: lock");
      session.waited = false;
    }
  }
}

/** Whether others can tell that a statement was run. */
function isShared({ kind }: Statement): boolean {
  return !["stage", "copy", "snapshot", "fetch", "nothing"].includes(kind);
}

function nameOf(statement: Statement): string {
  return "table" in statement ? `${statement.kind} ${statement.table}` : statement.kind;
}

function refused(): Error {
  return Object.assign(new Error("connect ECONNREFUSED simulated"), { code: "ECONNREFUSED" });
}
