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

/** `absent`: there will be some when the node is up. */
type Renewal =
  | { readonly kind: "renewed"; readonly headers: CredentialHeaders }
  | { readonly kind: "same"; readonly hint: string }
  | { readonly kind: "absent"; readonly hint: string };

const NO_COOKIE: Renewal = {
  kind: "absent",
  hint: "the cookie file is not there: is the node down, or another datadir's meant?",
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
    const text = await readFile(file, "utf8").catch(() => undefined);
    known = text === undefined ? undefined : `Basic ${Buffer.from(text.trim()).toString("base64")}`;
    return known;
  };
  return {
    headers: async () => headersOf(known ?? (await read())),
    renew: async (sent) => {
      const now = await read();
      if (now === undefined) return NO_COOKIE;
      return now === sent["authorization"]
        ? { kind: "same", hint: "the cookie in the file is another node's" }
        : { kind: "renewed", headers: headersOf(now) };
    },
  };
}

function headersOf(cookie: string | undefined): CredentialHeaders {
  return cookie === undefined ? {} : { authorization: cookie };
}
