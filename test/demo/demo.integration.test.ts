import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { untilGone } from "../support/processes.ts";
import { PLAN } from "./plan.ts";

const HOME = resolve(".sluice", "demo");

test("without a terminal the demo ends by itself, with its days fed and nothing left running", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["dist/test/demo/main.js"]);
  expect(stderr).toBe("");
  for (const day of PLAN.days)
    expect(existsSync(join(HOME, "feed", `exchange-flows-${day}.csv`)), stdout).toBe(true);
  for (const word of ["withheld", "orphaned", "final", "BTC", "USDT_ERC20"]) expect(stdout).toContain(word);
  await untilGone(HOME);
});
