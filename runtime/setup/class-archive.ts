import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archivePath, javaCommand } from "../services/jvm.ts";
import { startKafka } from "../services/kafka.ts";
import { runCommand } from "./command.ts";

/**
 * Writes the broker's class-data archive into the cache: a broker then starts with a third of the work.
 * An archive is for one JVM, which the file beside it names.
 */
export async function ensureClassArchive(say: (text: string) => void): Promise<void> {
  const archive = archivePath();
  const stamp = `${archive}.jvm`;
  const jvm = runCommand([javaCommand(), "-version"]).output;
  if (existsSync(archive) && existsSync(stamp) && readFileSync(stamp, "utf8") === jvm) return;
  say("starting the broker once, to keep its loaded classes for quick starts");
  const home = mkdtempSync(join(tmpdir(), "sluice-archive-"));
  const fresh = `${archive}.${process.pid}`;
  try {
    const kafka = await startKafka({ home, jvmFlags: [`-XX:ArchiveClassesAtExit=${fresh}`] });
    await kafka.stop();
    // A JVM that can't write one is no less able to run the broker.
    if (!existsSync(fresh)) return;
    renameSync(fresh, archive);
    writeFileSync(stamp, jvm);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
