import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Day } from "../day.ts";
import { DISK, type Disk } from "../disk.ts";
import { replaceFile } from "../durable.ts";
import { holdingOf } from "../lines.ts";
import { FeedInvalid, fromCsv, lineOfRow } from "./csv.ts";
import { decimalsOfManifest, feedName, feedOfName, type Manifest, readManifest } from "./manifest.ts";

/** The newest revision of each day that has a manifest, and the older ones. */
export interface FeedDay {
  readonly day: Day;
  readonly revision: number;
}

/** All days and revisions that readers see, oldest first: a CSV without a manifest is none of them. */
export async function listFeeds(feed: string, disk = DISK): Promise<readonly FeedDay[]> {
  const names = await disk.list(feed).catch(noFolder);
  const found = names.flatMap((name) => feedOfName(name) ?? []);
  return found.sort((a, b) => (a.day === b.day ? a.revision - b.revision : a.day < b.day ? -1 : 1));
}

/** Where feeds lie, and where their writer makes them. */
export interface FeedPlace {
  readonly feed: string;
  readonly staging: string;
  readonly disk: Disk;
}

/** Writes a day: the CSV, checked as it stands on disk, then the manifest by which readers see it. Throws `FeedInvalid`. */
export async function publishFeed(
  place: FeedPlace,
  { csv, manifest }: { readonly csv: string; readonly manifest: Manifest },
): Promise<void> {
  const name = feedName(manifest.date, manifest.revision);
  await put(place, `${name}.csv`, csv);
  await checkCsv(place.feed, manifest, place.disk);
  await put(place, `${name}.json`, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Reads a manifest. Throws `FeedInvalid`. */
export async function loadManifest(feed: string, { day, revision }: FeedDay, disk = DISK): Promise<Manifest> {
  return readManifest(textOf(await disk.read(join(feed, `${feedName(day, revision)}.json`))));
}

/** Reads the CSV back: its bytes must have the manifest's SHA-256, its rows the manifest's count and digest. Throws `FeedInvalid`. */
export async function checkCsv(feed: string, manifest: Manifest, disk = DISK): Promise<void> {
  const bytes = await disk.read(join(feed, manifest.file)).catch(missing);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== manifest.sha256)
    throw new FeedInvalid(`${manifest.file} has SHA-256 ${sha256}, its manifest says ${manifest.sha256}`);
  const rows = fromCsv(textOf(bytes), manifest.date, decimalsOfManifest(manifest));
  const { rows: count, digest } = holdingOf(rows.map(lineOfRow));
  if (count === manifest.rows && digest === manifest.digest) return;
  throw new FeedInvalid(
    `${manifest.file} reads back as ${count} rows with digest ${digest}, its manifest says ${manifest.rows} and ${manifest.digest}`,
  );
}

async function put({ feed, staging, disk }: FeedPlace, name: string, text: string): Promise<void> {
  const staged = join(staging, name);
  await disk.write(staged, text);
  await replaceFile(staged, join(feed, name), disk);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function noFolder(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

function missing(cause: unknown): never {
  throw new FeedInvalid("a manifest's CSV can't be read", { cause });
}
