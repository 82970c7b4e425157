import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { cacheFolder } from "../cache.ts";
import { ensureBuildTools } from "./build-tools.ts";
import { runCommand, tail } from "./command.ts";
import { SetupFailed } from "./failed.ts";

const PACKAGE = resolve("node_modules/@confluentinc/kafka-javascript");
/** All of a build that is needed to run; the addon finds the libraries by their place beside it. */
const FILES = [
  "build/Release/confluent-kafka-javascript.node",
  "build/deps/librdkafka.so.1",
  "build/deps/librdkafka++.so.1",
];
const DOWNLOAD_PATIENCE_MS = 120_000;
/** Loads the client, and fails where it can't do zstd: without its headers at build time it is left out without a word. */
const PROOF = `const { RdKafka } = require(${JSON.stringify(PACKAGE)});
if (!RdKafka.features.includes("zstd")) throw new Error("built without zstd");`;

/** Puts the native part of the Kafka client in its place: from the cache, as its makers built it, or built here. Throws `SetupFailed`. */
export function ensureKafkaClient(say: (text: string) => void): void {
  const cache = cachedBuild();
  if (loads()) {
    keep(cache);
    return;
  }
  if (existsSync(cache)) {
    cpSync(cache, PACKAGE, { recursive: true });
    if (loads()) return;
  }
  say("getting the native part of the Kafka client");
  if (!download()) build(say);
  const reason = whyNotLoaded();
  if (reason !== undefined) throw new SetupFailed(`the Kafka client does not load:\n${tail(reason)}`);
  keep(cache);
}

/** Where the build of this very client for this very platform is kept. */
function cachedBuild(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string };
  const platform = `${process.platform}-${process.arch}-${libc()}`;
  return join(cacheFolder(), `kafka-client-${version}-node${process.versions.modules}-${platform}`);
}

function libc(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? "other" : `glibc${header.glibcVersionRuntime}`;
}

function loads(): boolean {
  return whyNotLoaded() === undefined;
}

/** In a process of its own: a build for another system can take its process down. */
function whyNotLoaded(): string | undefined {
  const proof = runCommand([process.execPath, "-e", PROOF]);
  return proof.ok ? undefined : proof.output;
}

/** Keeps a build that loads, where it is not kept already; a build of another shape (the makers' own) is quick to get again. */
function keep(cache: string): void {
  if (existsSync(cache) || !FILES.every((file) => existsSync(join(PACKAGE, file)))) return;
  mkdirSync(dirname(cache), { recursive: true });
  const staging = mkdtempSync(`${cache}.`);
  for (const file of FILES) cpSync(join(PACKAGE, file), join(staging, file), { recursive: true });
  try {
    renameSync(staging, cache);
  } catch (error) {
    rmSync(staging, { recursive: true });
    if (!existsSync(cache)) throw error;
  }
}

/** The makers' own binary, where it can be had. */
function download(): boolean {
  const fromClient = createRequire(join(PACKAGE, "package.json"));
  const tool = join(dirname(fromClient.resolve("@mapbox/node-pre-gyp/package.json")), "bin", "node-pre-gyp");
  const got = runCommand([process.execPath, tool, "install"], {
    cwd: PACKAGE,
    timeoutMs: DOWNLOAD_PATIENCE_MS,
  });
  return got.ok && loads();
}

function build(say: (text: string) => void): void {
  ensureBuildTools(say);
  say("its makers' binary can't be had here: building it, which takes about three minutes");
  // Linked with the system's libraries, since the sources of others would have to be downloaded;
  // flags of the make that runs us (its number of jobs) break the build of librdkafka.
  const env = { CKJS_LINKING: "dynamic", MAKEFLAGS: "", MFLAGS: "" };
  const built = runCommand(["npm", "rebuild", "--ignore-scripts=false", "@confluentinc/kafka-javascript"], {
    env,
  });
  if (!built.ok) throw new SetupFailed(`the Kafka client can't be built:\n${tail(built.output, 40)}`);
}
