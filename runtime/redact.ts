import { unescape as percentDecoded } from "node:querystring";

/** Shorter texts are no secrets, and would be found everywhere. */
const SHORTEST_SECRET = 6;
/** Credentials before the host of any URL. */
const CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;

/** Makes a filter for whatever is printed: what the environment says in confidence does not leave the process. */
export function redactor(env: NodeJS.ProcessEnv): (text: string) => string {
  const secrets = [...new Set(Object.entries(env).flatMap(([name, value]) => secretsOf(name, value ?? "")))]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // Longest first: a part of a secret must not be all that is taken out of it.
    .sort((a, b) => b.length - a.length);
  return (text) =>
    secrets
      .reduce((kept, secret) => kept.replaceAll(secret, "[hidden]"), text)
      .replace(CREDENTIALS, "$1[hidden]@");
}

function secretsOf(name: string, value: string): readonly string[] {
  if (name === "KAFKA_PASSWORD") return [value];
  if (name === "DATABASE_URL") return secretsOfUrl(value);
  if (/_(RPC|REST)_URL$/.test(name)) return value.split(",").flatMap(secretsOfUrl);
  return [];
}

/** A provider's key stands in the path or the query as often as in the credentials. */
function secretsOfUrl(text: string): readonly string[] {
  const url = text.trim();
  if (!URL.canParse(url)) return [];
  const { password, pathname, search, searchParams, protocol } = new URL(url);
  // A database's path is its name; its password may stand in the query too, as libpq takes it.
  const others = protocol.startsWith("postgres")
    ? [...searchParams.getAll("password"), ...passwordsIn(search)]
    : [`${pathname}${search}`];
  return [password, percentDecoded(password), ...others];
}

/** As they are written there, encoded. */
function passwordsIn(search: string): readonly string[] {
  return [...search.matchAll(/[?&]password=([^&]*)/g)].map(([, password = ""]) => password);
}
