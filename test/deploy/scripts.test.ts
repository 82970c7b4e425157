import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** What the scripts use of every system. */
const ORDINARY = ["bash", "cat", "dirname", "grep", "mktemp", "rm"];
let bin: string;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "sluice-bin-"));
  for (const tool of ORDINARY) {
    const place = execFileSync("bash", ["-c", `command -v ${tool}`], { encoding: "utf8" }).trim();
    symlinkSync(place, join(bin, tool));
  }
});
afterEach(() => rmSync(bin, { recursive: true }));

/** Installs a tool that says `output` and ends with `code`. */
function install(tool: string, { output = "", code = 0 } = {}): void {
  const script = `#!/usr/bin/env bash\ncat <<'END'\n${output}\nEND\nexit ${code}\n`;
  writeFileSync(join(bin, tool), script, { mode: 0o755 });
}

/** Runs a script where nothing but these tools is installed. */
function run(script: string): { readonly code: number | null; readonly lines: readonly string[] } {
  const { status, stdout, stderr } = spawnSync(`scripts/${script}`, { env: { PATH: bin }, encoding: "utf8" });
  return { code: status, lines: `${stdout}${stderr}`.split("\n").filter((line) => line !== "") };
}

describe("make validate", () => {
  test("passes over each tool that is not installed, and says so", () => {
    expect(run("check-deploy.sh")).toEqual({
      code: 0,
      lines: [
        "kubectl is not here: the Kubernetes manifests are not checked",
        "docker compose is not here: docker-compose.yml is not checked",
      ],
    });
  });

  test("with kubectl alone builds the manifests, and goes on to the compose file", () => {
    install("kubectl");
    install("docker");
    const { code, lines } = run("check-deploy.sh");
    expect([code, lines.length]).toEqual([0, 3]);
    expect(lines[0]).toBe("deploy/kubernetes: can be built");
    expect(lines[1]).toMatch(/^kubectl-validate is not here: /);
    expect(lines[2]).toBe("docker-compose.yml, alone and with deploy/cluster.env: OK");
  });

  test.each(["kubectl", "kubectl-validate"])("fails with what %s finds", (tool) => {
    install("kubectl");
    install("kubectl-validate");
    install(tool, { output: "a finding", code: 1 });
    expect(run("check-deploy.sh").code).toBe(1);
  });
});

describe("make audit", () => {
  test("passes over a registry that answers no audits, and says so", () => {
    install("npm", { output: "npm warn audit 405 Method Not Allowed - POST …", code: 1 });
    const said = "audit: the configured registry does not answer audits: nothing was looked up";
    expect(run("audit.sh")).toEqual({ code: 0, lines: [said] });
  });

  test.each([
    ["found 0 vulnerabilities", 0],
    ["1 high severity vulnerability", 1],
    ["npm warn audit request failed, reason: connect ECONNREFUSED", 1],
  ])("says %s and ends with %i", (output, code) => {
    install("npm", { output, code });
    expect(run("audit.sh")).toEqual({ code, lines: [output] });
  });
});
