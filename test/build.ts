import { execFileSync } from "node:child_process";

/** Builds `dist` once before the suite: worker threads and child processes run from there, as users run them. */
export default function build(): void {
  execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
}
