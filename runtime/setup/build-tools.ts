import { runCommand, tail } from "./command.ts";
import { SetupFailed } from "./failed.ts";

/** What building the Kafka client takes, by Debian's names; without libzstd-dev it would be built without zstd. */
const PACKAGES = ["build-essential", "python3", "libssl-dev", "libzstd-dev", "zlib1g-dev"];

/**
 * On Debian and Ubuntu: installs what is missing when we are root, else throws `SetupFailed` with the line to paste.
 * Elsewhere the build itself says what it lacks.
 */
export function ensureBuildTools(say: (text: string) => void): void {
  if (!runCommand(["dpkg-query", "--version"]).ok) return;
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const list = missing.join(" ");
  if (process.getuid?.() !== 0) {
    throw new SetupFailed(`to build the Kafka client, paste: sudo apt-get install -y ${list}`);
  }
  say(`installing ${list}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const update = runCommand(["apt-get", "update"], { env });
  const install = runCommand(["apt-get", "install", "-y", "--no-install-recommends", ...missing], { env });
  if (!install.ok) {
    throw new SetupFailed(`apt-get install ${list} failed:\n${tail(`${update.output}\n${install.output}`)}`);
  }
}

function isInstalled(name: string): boolean {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholder
  const status = runCommand(["dpkg-query", "--show", "--showformat=${Status}", name]);
  return status.ok && status.output.startsWith("install ok installed");
}
