import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChainName } from "../stream/block.ts";
import { EXIT, exitCodeOf } from "./exit.ts";

/** The stages of a chain, as data flows. */
export const STAGES = ["ingest", "gate", "flows", "aggregate", "postgres", "parquet"] as const;

/** A stage of a chain. */
export type StageName = (typeof STAGES)[number];

/** A stage that halted in this home, and why: the message of its error tells the way out. */
export interface Halt {
  readonly stage: StageName;
  readonly reason: string;
}

/** Whose halts are kept, and where. */
export interface HaltPlace {
  readonly home: string;
  readonly chain: ChainName;
  readonly stage: StageName;
}

/** Does a stage's work; where it halts, word of that stays for `incident` and `status` until the stage works again. */
export async function noteHalt(place: HaltPlace, work: () => Promise<void>): Promise<void> {
  clearHalt(place);
  try {
    await work();
  } catch (error) {
    if (exitCodeOf(error) === EXIT.halted) recordHalt(place, error as Error);
    throw error;
  }
}

/** Forgets a halt that was mended. */
export function clearHalt(place: HaltPlace): void {
  rmSync(fileOf(place), { force: true });
}

/** Where a chain's stages halted when they last ran in this home, as data flows. */
export function readHalts(home: string, chain: ChainName): readonly Halt[] {
  return STAGES.flatMap((stage) => {
    const reason = readReason({ home, chain, stage });
    return reason === undefined ? [] : [{ stage, reason }];
  });
}

function recordHalt(place: HaltPlace, { message }: Error): void {
  try {
    mkdirSync(folderOf(place), { recursive: true });
    writeFileSync(fileOf(place), `${message}\n`);
  } catch {
    // A home that can't be written, a full disk: the halt is still to be told by its own error.
  }
}

function readReason(place: HaltPlace): string | undefined {
  try {
    return readFileSync(fileOf(place), "utf8").trim();
  } catch {
    return undefined;
  }
}

function fileOf(place: HaltPlace): string {
  return join(folderOf(place), `${place.stage}.txt`);
}

function folderOf({ home, chain }: HaltPlace): string {
  return join(home, "incidents", chain);
}
