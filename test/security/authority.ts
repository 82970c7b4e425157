import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A self-made certificate authority and a certificate of a server on loopback, as PEM files. */
export interface Authority {
  readonly ca: string;
  readonly key: string;
  readonly certificate: string;
  /** Key and certificate in one file, as Kafka's PEM key store wants them. */
  readonly keyStore: string;
}

/** Makes them with OpenSSL in a folder of their own below `folder`. */
export function makeAuthority(folder: string, name: string): Authority {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  const file = (of: string) => join(at, of);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: at, stdio: "pipe" });
  const rsa = ["-newkey", "rsa:2048", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...rsa,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
  );
  openssl("req", ...rsa, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...signed);
  const keyStore = file("store.pem");
  writeFileSync(
    keyStore,
    readFileSync(file("server.key"), "utf8") + readFileSync(file("server.pem"), "utf8"),
  );
  return { ca: file("ca.pem"), key: file("server.key"), certificate: file("server.pem"), keyStore };
}
