import type { Answer } from "./questions.ts";
import { assigned, copied, evaluate, holds, type Row, type Statement } from "./sql.ts";
import { type Tables, takeBack } from "./take-back.ts";

/** Primary keys, as sql/migrations has them. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  "sluice.offsets": ["chain", "topic"],
  "public.chains": ["chain"],
  "public.blocks": ["chain", "block_hash"],
  "public.reorgs": ["chain", "raw_offset"],
  "public.flow_legs": ["chain", "height", "leg", "block_time"],
  "public.exchange_flows_hourly": ["chain", "exchange", "asset", "hour"],
  "sluice.rewinds": ["chain", "rewind"],
  "sluice.taken_back": ["chain", "rewind", "table_name", "content"],
};

/** An open transaction as the server sees it: what it wrote nobody else reads, and its rows are locked, until it commits. */
export class Session {
  readonly application: string;
  /** Null: the row is deleted. */
  readonly writes = new Map<string, Map<string, Row | null>>();
  readonly staged = new Map<string, readonly Row[]>();
  /** What it sees whatever others commit; undefined: what is committed. */
  snapshot: ReadonlyMap<string, readonly Row[]> | undefined;
  /** What its open cursor still has. */
  cursor: Row[] = [];
  over = false;
  /** The server has its commit: it goes on without the client. */
  committing = false;
  /** Its statement had to wait for a lock. */
  waited = false;
  /** Ends its waiting for a lock. */
  wake: () => void = () => undefined;

  constructor(application: string) {
    this.application = application;
  }
}

/** An in-memory Postgres: read committed, row locks, primary keys. */
export class SimServer {
  readonly #tables = new Map(Object.keys(KEYS).map((name) => [name, new Map<string, Row>()]));
  readonly #sessions = new Set<Session>();
  /** Locks by table and key, and who waits for one to be free. */
  readonly #locks = new Map<string, Session>();
  readonly #waiting = new Set<Session>();

  /** The rows of a table, committed. */
  rows(table: string): readonly Row[] {
    return [...this.#table(table).values()];
  }

  /** Begins a transaction. */
  begin(application: string): Session {
    const session = new Session(application);
    this.#sessions.add(session);
    return session;
  }

  /** Runs a statement for a session; rejects where the session was ended, also while it waits for a lock. */
  async run(
    session: Session,
    {
      statement,
      values,
      chunks,
    }: {
      readonly statement: Statement;
      readonly values: readonly unknown[];
      readonly chunks: Iterable<string>;
    },
  ): Promise<readonly Row[]> {
    if (session.over) throw terminated();
    switch (statement.kind) {
      case "select": {
        const keys = this.#find(session, statement, values);
        if (statement.locks)
          for (const key of keys) await this.#lock(session, { table: statement.table, key });
        // Read committed: what was waited for is read anew.
        return this.#find(session, statement, values).map((key) => {
          const row = this.#read(session, statement.table, key);
          return Object.fromEntries(statement.columns.map((column) => [column, row?.[column] ?? null]));
        });
      }
      case "insert": {
        const cells = statement.values.map((value) => evaluate(value, { values, row: {} }));
        const row = Object.fromEntries(statement.columns.map((column, at) => [column, cells[at] ?? null]));
        await this.#upsert(session, { table: statement.table, row, action: { set: [], where: "" } });
        return [];
      }
      case "update":
        for (const key of this.#find(session, statement, values)) {
          await this.#lock(session, { table: statement.table, key });
          const row = this.#read(session, statement.table, key) as Row;
          if (holds(statement.where, { values, row }))
            this.#write(session, {
              table: statement.table,
              key,
              row: assigned(statement.set, { values, row }),
            });
        }
        return [];
      case "merge":
        await this.#merge(session, statement);
        return [];
      case "stage":
        session.staged.set(statement.staged, []);
        return [];
      case "copy":
        session.staged.set(statement.staged, [
          ...(session.staged.get(statement.staged) ?? []),
          ...copied(chunks, statement.columns),
        ]);
        return [];
      case "terminate":
        for (const other of [...this.#sessions])
          if (other !== session && other.application === values[0]) this.end(other);
        return [];
      case "snapshot":
        session.snapshot = new Map([...this.#tables].map(([name, rows]) => [name, [...rows.values()]]));
        return [];
      case "question":
        return this.#answer(session, statement, values);
      case "cursor":
        session.cursor = this.#answer(session, statement, values);
        return [];
      case "fetch":
        return session.cursor.splice(0);
      case "take back":
        await takeBack(statement.what, values, this.#tablesOf(session));
        return [];
      case "nothing":
        return [];
    }
  }

  #answer(session: Session, { answer }: { readonly answer: Answer }, values: readonly unknown[]) {
    return [...answer((table) => session.snapshot?.get(table) ?? this.rows(table), values)] as Row[];
  }

  #tablesOf(session: Session): Tables {
    const write = async (table: string, old: Row, by: (row: Row) => Row | null) => {
      const key = keyOf(table, old);
      await this.#lock(session, { table, key });
      this.#write(session, { table, key, row: by(this.#read(session, table, key) ?? old) });
    };
    return {
      rows: (table) =>
        this.#keys(session, table).flatMap((key) => {
          const row = this.#read(session, table, key);
          return row === undefined ? [] : [row];
        }),
      put: (table, row) => write(table, row, () => row),
      change: write,
      remove: (table, row) => write(table, row, () => null),
    };
  }

  async #merge(
    session: Session,
    { table, staged, key, action }: Extract<Statement, { kind: "merge" }>,
  ): Promise<void> {
    if (key.join() !== KEYS[table]?.join())
      throw new Error(`no unique constraint of ${table} matches (${key.join(", ")})`);
    const seen = new Set<string>();
    for (const row of [...(session.staged.get(staged) ?? [])].sort((one, other) =>
      keyOf(table, one) < keyOf(table, other) ? -1 : 1,
    )) {
      const own = keyOf(table, row);
      if (seen.has(own) && action.set.length > 0)
        throw new Error(`a merge into ${table} would touch a row a second time: ${own}`);
      seen.add(own);
      await this.#upsert(session, { table, row, action });
    }
  }

  async #upsert(
    session: Session,
    {
      table,
      row,
      action,
    }: {
      readonly table: string;
      readonly row: Row;
      readonly action: Extract<Statement, { kind: "merge" }>["action"];
    },
  ): Promise<void> {
    const key = keyOf(table, row);
    await this.#lock(session, { table, key });
    const standing = this.#read(session, table, key);
    const scope = { values: [], row: standing ?? {}, excluded: row };
    if (standing === undefined) this.#write(session, { table, key, row });
    else if (action.set.length > 0 && (action.where === "" || holds(action.where, scope)))
      this.#write(session, { table, key, row: assigned(action.set, scope) });
  }

  #find(
    session: Session,
    { table, where }: { readonly table: string; readonly where: string },
    values: readonly unknown[],
  ): readonly string[] {
    return this.#keys(session, table).filter((key) => {
      const row = this.#read(session, table, key);
      return row !== undefined && holds(where, { values, row });
    });
  }

  #keys(session: Session, table: string): readonly string[] {
    return [...new Set([...this.#table(table).keys(), ...(session.writes.get(table)?.keys() ?? [])])];
  }

  #read(session: Session, table: string, key: string): Row | undefined {
    const written = session.writes.get(table)?.get(key);
    return written === undefined ? this.#table(table).get(key) : (written ?? undefined);
  }

  #write(
    session: Session,
    { table, key, row }: { readonly table: string; readonly key: string; readonly row: Row | null },
  ): void {
    const written = session.writes.get(table) ?? new Map<string, Row | null>();
    session.writes.set(table, written.set(key, row));
  }

  /** Waits for the right to change a row; rejects where the transaction was ended meanwhile. */
  async #lock(
    session: Session,
    { table, key }: { readonly table: string; readonly key: string },
  ): Promise<void> {
    const lock = `${table}|${key}`;
    for (
      let holder = this.#locks.get(lock);
      holder !== undefined && holder !== session;
      holder = this.#locks.get(lock)
    ) {
      session.waited = true;
      this.#waiting.add(session);
      await new Promise<void>((resolve) => {
        session.wake = resolve;
      });
      if (session.over) break;
    }
    if (session.over) throw terminated();
    this.#locks.set(lock, session);
  }

  /** Commits. */
  commit(session: Session): void {
    for (const [table, rows] of session.writes) {
      for (const [key, row] of rows) {
        if (row === null) this.#table(table).delete(key);
        else this.#table(table).set(key, row);
      }
      if (table === "public.blocks") this.#checkBlocks();
    }
    this.end(session);
  }

  /** The unique index `blocks_final_height`. */
  #checkBlocks(): void {
    const heights = this.rows("public.blocks").flatMap((row) =>
      row["status"] === "final" ? [row["height"]] : [],
    );
    if (new Set(heights).size < heights.length) throw new Error("two final blocks of one height");
  }

  /** Rolls back what is not committed, and gives its locks away. */
  end(session: Session): void {
    if (session.over) return;
    session.over = true;
    this.#sessions.delete(session);
    for (const [lock, holder] of this.#locks) if (holder === session) this.#locks.delete(lock);
    session.wake();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const other of waiting) other.wake();
  }

  #table(name: string): Map<string, Row> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`the simulated Postgres has no table ${name}`);
    return table;
  }
}

/** What pg says when its connection is gone. */
export function terminated(): Error {
  return new Error("Connection terminated unexpectedly");
}

function keyOf(table: string, row: Row): string {
  return (KEYS[table] ?? []).map((column) => row[column] ?? "").join("|");
}
