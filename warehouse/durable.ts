import { dirname } from "node:path";
import { DISK } from "./disk.ts";

/**
 * Puts the whole file `staged` (same disk) in the place of `target`, so that a reader sees the old file or the new one,
 * also after a power cut: fsync of the file, rename, fsync of the folder.
 */
export async function replaceFile(staged: string, target: string, disk = DISK): Promise<void> {
  await disk.sync(staged);
  await makeFolder(dirname(target), disk);
  await disk.rename(staged, target);
  await disk.sync(dirname(target));
}

/** Makes a folder and those above it, each one's entry durable in its parent. */
export async function makeFolder(folder: string, disk = DISK): Promise<void> {
  const first = await disk.makeFolders(folder);
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await disk.sync(dirname(made));
}

/**
 * Makes durable what stands in `folders`, as far as they are there. A process that is killed between a rename, or a new folder, and
 * its fsync leaves what others see and what a power cut takes away, with all that they have built on it: a successor does this first.
 */
export async function settleFolders(folders: readonly string[], disk = DISK): Promise<void> {
  for (const folder of folders) {
    await disk.sync(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}
