import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A death of the server, which its keeper has started again since. */
export interface Death {
  readonly service: string;
  readonly code: number;
}

/** What a keeper tells those who use its service; `token` is that of its ownership, `keeper` its process. */
export type Notice = { readonly token: string; readonly keeper: number } & (
  | { readonly kind: "up"; readonly address: string; readonly deaths: readonly Death[] }
  | { readonly kind: "down"; readonly service: string; readonly reason: string }
);

/** Where the processes of a home find each other. */
export function servicesIn(home: string): string {
  return join(home, "services");
}

/** Replaces the notice as a whole; closed to others, since an address may hold a password. */
export function writeNotice(folder: string, service: string, notice: Notice): void {
  const file = fileOf(folder, service);
  writeFileSync(`${file}.new`, JSON.stringify(notice), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The last notice of any keeper: whether that one lives, its token tells. */
export function readNotice(folder: string, service: string): Notice | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(folder, service), "utf8")) as Notice;
  } catch {
    return undefined;
  }
}

export function removeNotice(folder: string, service: string): void {
  rmSync(fileOf(folder, service), { force: true });
}

function fileOf(folder: string, service: string): string {
  return join(folder, `${service}.json`);
}
