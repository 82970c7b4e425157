import type { Disk } from "../../warehouse/disk.ts";
import type { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";

class SimFile {
  text: string;
  /** What a power cut leaves for certain; undefined: nothing was ever synced. */
  synced: string | undefined;

  constructor(text: string) {
    this.text = text;
  }
}

class SimFolder {
  entries = new Map<string, SimFile | SimFolder>();
  synced = new Map<string, SimFile | SimFolder>();
}

/** A disk that holds for certain only what was synced: a file's text by its own fsync, a name by the fsync of its folder (POSIX promises no more). */
export class SimDisk {
  readonly #random: Random;
  readonly #root = new SimFolder();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The disk as a process sees it. */
  open(process: SimProcess): Disk {
    const at = async <T>(name: string, act: () => T): Promise<T> => {
      await process.effect(`disk: ${name}`);
      return act();
    };
    return {
      list: (folder) => at(`list ${folder}`, () => this.list(folder)),
      read: (path) =>
        at(`read ${path}`, () => {
          const text = this.read(path);
          if (text === undefined) throw missing(path);
          return Buffer.from(text);
        }),
      exists: (path) => at(`exists ${path}`, () => this.#find(path) !== undefined),
      makeFolders: (folder) => at(`mkdir ${folder}`, () => this.#makeFolders(folder)),
      write: (path, text) => at(`write ${path}`, () => this.write(path, text)),
      append: (path, text) => at(`append ${path}`, () => this.write(path, (this.read(path) ?? "") + text)),
      sync: (path) => at(`fsync ${path}`, () => this.#sync(path)),
      rename: (from, to) => at(`rename ${from} ${to}`, () => this.#rename(from, to)),
      remove: (path) => at(`remove ${path}`, () => void this.#parent(path)?.entries.delete(nameOf(path))),
      removeEmpty: (folder) => at(`rmdir ${folder}`, () => this.#removeEmpty(folder)),
      unique: () =>
        Array.from({ length: 9 }, () => this.#random.whole(0, 0xffff).toString(16).padStart(4, "0")).join(""),
    };
  }

  /** Throws with code `ENOENT` where there is no such folder. */
  list(folder: string): readonly string[] {
    return [...this.#folder(folder).entries.keys()].sort();
  }

  /** A file's text; undefined where there is none. */
  read(path: string): string | undefined {
    const found = this.#find(path);
    return found instanceof SimFile ? found.text : undefined;
  }

  write(path: string, text: string): void {
    const found = this.#find(path);
    if (found instanceof SimFile) found.text = text;
    else this.#folder(folderOf(path)).entries.set(nameOf(path), new SimFile(text));
  }

  /** All processes are dead: of what was not synced, each thing is there or not, and a file's text may be torn. */
  powerCut(): void {
    this.#settle(this.#root, new Set());
  }

  #settle(folder: SimFolder, settled: Set<SimFolder>): void {
    settled.add(folder);
    for (const name of new Set([...folder.synced.keys(), ...folder.entries.keys()])) {
      const kept = this.#random.chance(0.5) ? folder.entries.get(name) : folder.synced.get(name);
      if (kept === undefined || (kept instanceof SimFolder && settled.has(kept))) folder.entries.delete(name);
      else folder.entries.set(name, kept);
      if (kept instanceof SimFile) this.#tear(kept);
      if (kept instanceof SimFolder && !settled.has(kept)) this.#settle(kept, settled);
    }
    folder.synced = new Map(folder.entries);
  }

  #tear(file: SimFile): void {
    if (file.text !== file.synced) {
      const torn = file.text.slice(0, this.#random.whole(0, file.text.length));
      file.text = this.#random.pick([file.synced ?? "", torn, file.text]);
    }
    file.synced = file.text;
  }

  #sync(path: string): void {
    const found = this.#find(path);
    if (found === undefined) throw missing(path);
    if (found instanceof SimFile) found.synced = found.text;
    else found.synced = new Map(found.entries);
  }

  #makeFolders(path: string): string | undefined {
    if (this.#find(path) !== undefined) return undefined;
    const first = this.#makeFolders(folderOf(path));
    this.#folder(folderOf(path)).entries.set(nameOf(path), new SimFolder());
    return first ?? path;
  }

  #rename(from: string, to: string): void {
    const found = this.#find(from);
    if (found === undefined) throw missing(from);
    this.#folder(folderOf(to)).entries.set(nameOf(to), found);
    this.#folder(folderOf(from)).entries.delete(nameOf(from));
  }

  #removeEmpty(folder: string): void {
    if (this.#folder(folder).entries.size > 0)
      throw Object.assign(new Error(`ENOTEMPTY: ${folder}`), { code: "ENOTEMPTY" });
    this.#parent(folder)?.entries.delete(nameOf(folder));
  }

  #folder(path: string): SimFolder {
    const found = this.#find(path);
    if (!(found instanceof SimFolder)) throw missing(path);
    return found;
  }

  #parent(path: string): SimFolder | undefined {
    const found = this.#find(folderOf(path));
    return found instanceof SimFolder ? found : undefined;
  }

  #find(path: string): SimFile | SimFolder | undefined {
    let found: SimFile | SimFolder | undefined = this.#root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      found = found instanceof SimFolder ? found.entries.get(name) : undefined;
    }
    return found;
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${path}`), { code: "ENOENT" });
}
