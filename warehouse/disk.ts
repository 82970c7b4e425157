import { randomUUID } from "node:crypto";
import {
  access,
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from "node:fs/promises";

/** What a writer of files asks of its file system. A simulation puts one in its place that loses what was not synced. */
export interface Disk {
  /** The names in a folder. Rejects with code `ENOENT` where there is none. */
  list(folder: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Rejects with code `ENOENT` where there is no such file. */
  read(path: string): Promise<Uint8Array>;
  /** Makes a folder and those above it; resolves with the first one that was missing, undefined where none was. */
  makeFolders(folder: string): Promise<string | undefined>;
  write(path: string, text: string): Promise<void>;
  append(path: string, text: string): Promise<void>;
  /** What the file holds, or which entries the folder has, is there after a power cut too (fsync). */
  sync(path: string): Promise<void>;
  /** In one step; a file takes the place of another. Rejects with code `ENOENT` where there is nothing, or no folder to put it in. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all in it; what is not there is removed. */
  remove(path: string): Promise<void>;
  /** Removes a folder that is empty. */
  removeEmpty(folder: string): Promise<void>;
  /** A name that never comes again, in the form of a UUID. */
  unique(): string;
}

/** The one that the process runs on. */
export const DISK: Disk = {
  list: (folder) => readdir(folder),
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  read: (path) => readFile(path),
  makeFolders: (folder) => mkdir(folder, { recursive: true }),
  write: (path, text) => writeFile(path, text),
  append: (path, text) => appendFile(path, text),
  sync,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeEmpty: rmdir,
  unique: randomUUID,
};

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
