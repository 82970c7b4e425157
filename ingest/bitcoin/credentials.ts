import { readFile } from "node:fs/promises";
import { authorization } from "../answer.ts";

/** What lets us in at a node, as HTTP headers; none where nothing is needed or known. */
export type CredentialHeaders = Readonly<Record<string, string>>;

/** What a node is asked with. */
export interface Credentials {
  headers(): Promise<CredentialHeaders>;
  /** Looks for others after those that were `sent` were refused: many calls may be under way with old ones when the first finds new ones. */
  renew(sent: CredentialHeaders): Promise<Renewal>;
}

/** `absent`: there will be some when the node is up; `unreadable`: there are some, and they are kept from us. */
type Renewal =
  | { readonly kind: "renewed"; readonly headers: CredentialHeaders }
  | { readonly kind: "same"; readonly hint: string }
  | { readonly kind: "absent"; readonly hint: string }
  | { readonly kind: "unreadable"; readonly hint: string };

const NO_COOKIE: Renewal = {
  kind: "absent",
  hint: "the cookie file is not there: is the node down, or another datadir's meant?",
};

/** What mends it that a cookie file can't be read, by the system's name of the error. */
const MENDS: Readonly<Record<string, string>> = {
  EACCES: ": let this user read it; the node's -rpccookieperms does that",
  EISDIR: ": it is a folder; name the .cookie in it, not the datadir",
};

/** The credentials in a node's URL; else those of its cookie file, which is written anew at each of its starts; else none. */
export function credentialsFor(url: string, cookieFile: string | undefined): Credentials {
  const fixed = authorization(url);
  const hasOwn = Object.keys(fixed).length > 0;
  if (!hasOwn && cookieFile !== undefined) return cookieCredentials(cookieFile);
  const hint = hasOwn
    ? "its user or password is another one"
    : "it wants user:password in its URL, or BITCOIN_RPC_COOKIE_FILE";
  return { headers: async () => fixed, renew: async () => ({ kind: "same", hint }) };
}

function cookieCredentials(file: string): Credentials {
  let known: string | undefined;
  const read = async () => {
    const text = await readFile(file, "utf8");
    known = `Basic ${Buffer.from(text.trim()).toString("base64")}`;
    return known;
  };
  return {
    headers: async () => headersOf(known ?? (await read().catch(() => undefined))),
    renew: async (sent) => {
      const now = await read().catch(unread);
      if (typeof now !== "string") return now;
      return now === sent["authorization"]
        ? { kind: "same", hint: "the cookie in the file is another node's" }
        : { kind: "renewed", headers: headersOf(now) };
    },
  };
}

function unread(cause: NodeJS.ErrnoException): Renewal {
  const code = cause.code ?? cause.message;
  if (code === "ENOENT") return NO_COOKIE;
  return { kind: "unreadable", hint: `the cookie file can't be read (${code})${MENDS[code] ?? ""}` };
}

function headersOf(cookie: string | undefined): CredentialHeaders {
  return cookie === undefined ? {} : { authorization: cookie };
}
