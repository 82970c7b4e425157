import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const FOLDERS = ["ingest", "runtime", "stream", "warehouse"] as const;
/** Whatever is written between quotes after `from`, `import` or `import(`. */
const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g;

interface Import {
  readonly file: string;
  /** A path of ours from the project's root, or a package's name. */
  readonly target: string;
}

const imports: readonly Import[] = FOLDERS.flatMap((folder) => sourcesIn(folder).flatMap(importsOf));

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): readonly Import[] {
  return [...readFileSync(file, "utf8").matchAll(SPECIFIER)].map(([, specifier = ""]) => ({
    file,
    target: specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier,
  }));
}

const isIn = (folder: string, path: string) => path.startsWith(`${folder}/`);
const isCore = (path: string) => isIn("stream", path) && !isIn("stream/kafka", path);
const print = ({ file, target }: Import) => `${file} → ${target}`;
const broken = (isBroken: (one: Import) => boolean) => imports.filter(isBroken).map(print);

test("imports are seen: of values, of types, and those that wait until they are needed", () => {
  const seen = new Set(imports.map(print));
  expect(seen).toContain("runtime/main.ts → runtime/cli.ts");
  expect(seen).toContain("stream/kafka/gate.ts → stream/finality.ts");
  expect(seen).toContain("runtime/chains/ethereum.ts → ingest/ethereum/reprove.ts");
});

test("the core imports itself and nothing else", () => {
  expect(broken(({ file, target }) => isCore(file) && !isCore(target))).toEqual([]);
});

test("stream knows neither ingest nor warehouse nor runtime", () => {
  const outer = ["ingest", "warehouse", "runtime", "test"];
  expect(
    broken(({ file, target }) => isIn("stream", file) && outer.some((folder) => isIn(folder, target))),
  ).toEqual([]);
});

test("ingest and warehouse know stream, and neither each other nor runtime", () => {
  const knows = (file: string, others: readonly string[]) => (one: Import) =>
    isIn(file, one.file) && others.some((folder) => isIn(folder, one.target));
  expect(broken(knows("ingest", ["warehouse", "runtime", "test"]))).toEqual([]);
  expect(broken(knows("warehouse", ["ingest", "runtime", "test"]))).toEqual([]);
});

test("gate, aggregates and sinks have nothing of one chain in them", () => {
  const chains = /(^|\/)(ethereum|bitcoin)(\/|\.ts$)/;
  const shared = (file: string) => isIn("stream/kafka", file) || isIn("warehouse", file) || isCore(file);
  expect(broken(({ file, target }) => shared(file) && !chains.test(file) && chains.test(target))).toEqual([]);
});

test("nothing of the product imports a test, or Node's modules by their old names", () => {
  expect(broken(({ target }) => isIn("test", target))).toEqual([]);
  expect(broken(({ target }) => isBuiltin(target) && !target.startsWith("node:"))).toEqual([]);
});

/** Who may read the wall clock, and why: it jumps, so nothing may be waited for or decided by it. */
const WALL_CLOCK = new Map([["ingest/http.ts", "a Retry-After may name a date"]]);
/** Packages that wait until the wall clock shows a time. */
const SCHEDULERS = /^(node-cron|cron|croner|node-schedule|toad-scheduler|agenda|bree)$/;

test("nothing reads a clock that can jump, nor waits by a package that does", () => {
  const readers = FOLDERS.flatMap(sourcesIn).filter((file) => readsWallClock(readFileSync(file, "utf8")));
  expect(readers).toEqual([...WALL_CLOCK.keys()]);
  expect(broken(({ target }) => SCHEDULERS.test(target))).toEqual([]);
  for (const way of ["Date.now()", "new Date()", "new Date;", "performance.timeOrigin", "+Date()"])
    expect([way, readsWallClock(way)]).toEqual([way, true]);
  expect(readsWallClock("new Date(time * 1000); performance.now()")).toBe(false);
});

function readsWallClock(text: string): boolean {
  return /\bDate\.now\b|\bnew Date\b(?!\s*\(\s*[^)\s])|(?<!new )\bDate\(|\btimeOrigin\b/.test(text);
}
