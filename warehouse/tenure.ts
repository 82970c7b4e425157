import { join } from "node:path";
import { DISK, type Disk } from "./disk.ts";
import { makeFolder } from "./durable.ts";

/** The time of one writer. Only files that lie in `folder` go among those that readers see, by rename. */
export interface Tenure {
  readonly folder: string;
  /** Whether a successor has begun: the folder is gone, and with it the power to rename anything out of it. */
  isOver(): Promise<boolean>;
  end(): Promise<void>;
}

/** A writer's folder: how many came before it, and a name that never comes again. */
const FOLDER = /^(\d+)-[0-9a-f-]{36}$/;

/**
 * Begins a tenure among those in `place`, and ends all earlier ones by taking their folders away.
 * A lock would not do: a process that is frozen keeps it, and nobody can break it. A folder can be taken from a process in any
 * state; whatever it has not renamed by now it never will. Once this resolves, all stands as its predecessors left it for good.
 */
export async function beginTenure(place: string, disk = DISK): Promise<Tenure> {
  await makeFolder(place, disk);
  const standing = (await disk.list(place)).map(ordinalOf);
  const own = `${Math.max(0, ...standing) + 1}-${disk.unique()}`;
  const folder = join(place, own);
  await disk.makeFolders(folder);
  const rivals = (await disk.list(place)).filter((name) => name !== own);
  // Of two that begin in the same instant at least one sees the other: the lesser one goes, by either hand.
  for (const name of rivals) await takeAway(disk, place, isBefore(name, own) ? name : own);
  return {
    folder,
    isOver: async () => !(await disk.exists(folder)),
    end: () => disk.remove(folder),
  };
}

/** Away at once under another name; what was on its way at that instant is settled when the last file is gone. */
async function takeAway(disk: Disk, place: string, name: string): Promise<void> {
  const away = join(place, `away-${disk.unique()}`);
  await disk.rename(join(place, name), away).catch(unlessGone);
  await disk.remove(away);
}

/** Whether a name is that of a writer's folder. */
export function isTenure(name: string): boolean {
  return FOLDER.test(name);
}

/** What is no folder of a writer's was left by a crash: it goes first. */
function isBefore(name: string, own: string): boolean {
  const difference = ordinalOf(name) - ordinalOf(own);
  return difference < 0 || (difference === 0 && name < own);
}

function ordinalOf(name: string): number {
  return Number(FOLDER.exec(name)?.[1] ?? 0);
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
