import { existsSync, writeFileSync } from "node:fs";
import { openLibsecp256k1 } from "../../ingest/ethereum/libsecp256k1.ts";
import { runCommand } from "./command.ts";

/** Debian's name for it in every release; the runtime package is numbered by the library's version. */
const PACKAGE = "libsecp256k1-dev";
/** Written once it was tried; npm removes it with node_modules. */
const STAMP = "node_modules/.sluice-secp256k1";

/** Installs the system's libsecp256k1 on Debian and Ubuntu when we are root. Nothing depends on it: it recovers senders a fifth faster. */
export function offerSecp256k1(say: (text: string) => void): void {
  if (existsSync(STAMP) || openLibsecp256k1() !== undefined) return;
  writeFileSync(STAMP, "");
  if (!runCommand(["dpkg-query", "--version"]).ok) return;
  if (process.getuid?.() === 0) {
    say(`installing ${PACKAGE}`);
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    runCommand(["apt-get", "update"], { env });
    if (runCommand(["apt-get", "install", "-y", "--no-install-recommends", PACKAGE], { env }).ok) return;
  }
  say(`without ${PACKAGE} senders are recovered a fifth slower; to have it: apt-get install ${PACKAGE}`);
}
