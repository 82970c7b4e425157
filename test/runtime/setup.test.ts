import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KAFKA_VERSION } from "../../runtime/cache.ts";
import { removeHome, temporaryHome } from "../services.ts";

const folder = temporaryHome("setup");
const jars = join(folder, "jars", `kafka-${KAFKA_VERSION}`);
const built = join(folder, "dist/runtime/main.js");
const PROGRAMS = {
  java: `echo 'openjdk version "17.0.15"' >&2`,
  mvn: "echo 'Apache Maven 3.0.5'",
  node: `[ "$1" = --version ] && echo v20.19.0 || echo "node $1"`,
  npm: "echo npm",
};

/** A clone whose packages are installed, on a machine with an old Maven. */
beforeAll(() => {
  for (const path of ["scripts/setup.sh", "runtime/cache.ts", "package.json", "package-lock.json"])
    cpSync(path, join(folder, path));
  mkdirSync(join(folder, "bin"));
  for (const [name, body] of Object.entries(PROGRAMS))
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const sums = 'echo "$(cksum <package-lock.json) $(cksum <package.json) v20.19.0 $(uname -sm)"';
  mkdirSync(join(folder, "node_modules"));
  const stamp = execFileSync("sh", ["-c", sums], { cwd: folder, encoding: "utf8" });
  writeFileSync(join(folder, "node_modules/.sluice-installed"), stamp);
  mkdirSync(join(folder, "dist/runtime"), { recursive: true });
  writeFileSync(built, "");
});
afterAll(() => removeHome(folder));

function setup() {
  const path = `${join(folder, "bin")}:${process.env["PATH"]}`;
  const env = { PATH: path, SLUICE_CACHE: join(folder, "jars"), HOME: folder };
  const { status, stdout, stderr } = spawnSync("sh", ["scripts/setup.sh"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("an old Maven is refused before anything starts where the broker's jars have to be got, and only there", () => {
  expect(setup()).toEqual({
    status: 1,
    stdout: "",
    stderr: "setup: Maven 3.0.5 is too old: install version 3.6 or newer\n",
  });
  mkdirSync(jars, { recursive: true });
  expect(setup()).toEqual({
    status: 0,
    stdout: "node node_modules/typescript/bin/tsc\nnode dist/runtime/setup/main.js\n",
    stderr: "",
  });
  // As `npx sluice` wants it.
  expect(statSync(built).mode & 0o111).toBe(0o111);
});
