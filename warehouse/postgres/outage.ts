/** Postgres does not answer, refuses us, or can't work; `place` is host and database, never credentials. Ends a stage with exit code 4. */
export class DatabaseUnreachable extends Error {
  override readonly name = "DatabaseUnreachable";
  readonly place: string;
  constructor(place: string, options?: ErrorOptions) {
    const reason = reasonOf(options?.cause);
    super(
      isStrained(options?.cause)
        ? `Postgres at ${place} can't do its work (${reason}); mend that there: what is missing in it is still in the topics`
        : `no Postgres answers at ${place} (${reason}); check DATABASE_URL`,
      options,
    );
    this.place = place;
  }
}

/** SQLSTATE classes and codes of a server that answers, and can't do the work now (Postgres manual, appendix A). */
const STRAINED_STATES = [
  "25006", // read only: a standby that is about to be promoted
  "40", // serialization failure, deadlock
  "53", // insufficient resources: the disk is full, no memory, too many connections
];

/** SQLSTATE classes and codes after which the same work may succeed on a new connection. */
const PASSING_STATES = [
  ...STRAINED_STATES,
  "08", // connection exceptions
  "57P", // the server shuts down, crashed or starts
];

/** Connection errors of the socket, as Node names them. */
const PASSING_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
]);

/** What pg says without a code when the connection ended or never came. */
const PASSING_TEXT =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|not queryable/i;

/** Whether `error` is an outage that may pass, after which the same database transaction is to be tried again. */
export function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseUnreachable) return isOutage(error.cause);
  const code = codeOf(error);
  if (code === undefined) return PASSING_TEXT.test(error.message);
  return PASSING_CODES.has(code) || PASSING_STATES.some((state) => code.startsWith(state));
}

function isStrained(cause: unknown): boolean {
  return STRAINED_STATES.some((state) => codeOf(cause)?.startsWith(state));
}

/** The error's code: an SQLSTATE, or the socket's. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "no reason given";
  const text = cause.message === "" ? cause.name : cause.message;
  return codeOf(cause) === undefined ? text : `${text}, ${codeOf(cause)}`;
}
