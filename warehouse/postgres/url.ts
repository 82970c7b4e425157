/** DATABASE_URL can't be read. The message never repeats it: it may hold a password. */
export class DatabaseUrlInvalid extends Error {
  override readonly name = "DatabaseUrlInvalid";
  constructor() {
    super(
      "DATABASE_URL is no postgres:// address of a host, port and database, with user and password before the host; write it so, special characters percent-encoded",
    );
  }
}

/** Where a database is: what pg is told, and what people may read of it. */
export interface DatabaseAddress {
  readonly connectionString: string;
  /** `sslmode=prefer` and `allow`: how to connect when the server has no TLS. */
  readonly plainFallback: string | undefined;
  /** `host:port/database`. */
  readonly place: string;
}

const DEFAULT_PORT = "5432";

/** Reads a `postgres://` URL; throws `DatabaseUrlInvalid` when it is none. */
export function readAddress(url: string): DatabaseAddress {
  const parsed = parse(url);
  const mode = parsed.searchParams.get("sslmode");
  return {
    connectionString: mode === null ? url : withTls(parsed, mode === "allow" ? "prefer" : mode),
    plainFallback: mode === "prefer" || mode === "allow" ? withTls(parsed, "disable") : undefined,
    place: placeOf(parsed),
  };
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol)) throw new DatabaseUrlInvalid();
  if (![parsed.username, parsed.password, parsed.pathname].every(isDecodable)) throw new DatabaseUrlInvalid();
  return parsed;
}

/** Whether pg, which decodes it, can: a bare percent sign it takes as it stands, `%ff` it does not. */
function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part.replaceAll(/%(?![0-9a-f]{2})/gi, "%25"));
    return true;
  } catch {
    return false;
  }
}

/** pg gives `sslmode` its own stricter meaning unless told to follow libpq, as psql and every manual do. */
function withTls(url: URL, mode: string): string {
  const copy = new URL(url);
  copy.searchParams.set("sslmode", mode);
  copy.searchParams.set("uselibpqcompat", "true");
  return copy.href;
}

function placeOf(url: URL): string {
  const host = url.searchParams.get("host") ?? url.hostname;
  const port = url.searchParams.get("port") ?? url.port;
  return `${host === "" ? "localhost" : host}:${port === "" ? DEFAULT_PORT : port}${url.pathname}`;
}
