import type { StageReport } from "../../runtime/child.ts";
import type { BlockHash, BlockRef, ChainName } from "../../stream/block.ts";
import type { StageEvent } from "../../stream/kafka/stage.ts";
import { CHAINS, type DemoChain } from "./plan.ts";

/** What became of a block: announced and not final yet, final, or orphaned. */
export type Fate = "withheld" | "final" | "orphaned";

/** One chain as its stages' events paint it. */
export interface Picture {
  readonly blocks: ReadonlyMap<BlockHash, { readonly height: number; readonly fate: Fate }>;
  readonly head: number;
  readonly final: number;
  readonly reorgs: number;
  readonly deepest: number;
  readonly stored: { readonly postgres: number; readonly parquet: number };
}

/** Before anything was announced. */
export const BLANK: Picture = {
  blocks: new Map(),
  head: 0,
  final: 0,
  reorgs: 0,
  deepest: 0,
  stored: { postgres: 0, parquet: 0 },
};

/** All chains. */
export type Pictures = ReadonlyMap<ChainName, Picture>;

/** Before anything was announced on any. */
export const BLANKS: Pictures = new Map(CHAINS.map((chain) => [chain.name, BLANK]));

/** The picture of one of the demo's chains. */
export function pictureOf(pictures: Pictures, chain: DemoChain): Picture {
  return pictures.get(chain.name) ?? BLANK;
}

/** All pictures after one report. */
export function seeReport(pictures: Pictures, { chain, event }: StageReport): Pictures {
  return new Map([...pictures, [chain, see(pictures.get(chain) ?? BLANK, event)]]);
}

/** The picture after one event. Stages are processes of their own: their events may come in any order. */
export function see(picture: Picture, event: StageEvent): Picture {
  switch (event.kind) {
    case "announced": {
      const head = Math.max(picture.head, event.block.height);
      // The gate may have said already what became of it.
      return picture.blocks.has(event.block.hash)
        ? { ...picture, head }
        : { ...paint(picture, [event.block], "withheld"), head };
    }
    case "released":
      return {
        ...paint(picture, [event.block], "final"),
        final: Math.max(picture.final, event.block.height),
      };
    case "reorg": {
      const deepest = Math.max(picture.deepest, event.depth);
      return { ...paint(picture, event.orphaned, "orphaned"), reorgs: picture.reorgs + 1, deepest };
    }
    case "written":
      return picture;
    case "stored":
      return { ...picture, stored: { ...picture.stored, [event.store]: event.height } };
  }
}

function paint(picture: Picture, blocks: readonly BlockRef[], fate: Fate): Picture {
  const painted = blocks.map((block) => [block.hash, { height: block.height, fate }] as const);
  return { ...picture, blocks: new Map([...picture.blocks, ...painted]) };
}

/** How far both stores have come. */
export function storedUpTo({ stored }: Picture): number {
  return Math.min(stored.postgres, stored.parquet);
}

/** How many blocks have that fate. */
export function countOf(picture: Picture, fate: Fate): number {
  return [...picture.blocks.values()].filter((block) => block.fate === fate).length;
}

/** The fates at each height from `first` on, oldest announced first. */
export function fatesFrom(picture: Picture, first: number): ReadonlyMap<number, readonly Fate[]> {
  const fates = new Map<number, Fate[]>();
  for (const { height, fate } of picture.blocks.values()) {
    if (height >= first) fates.set(height, [...(fates.get(height) ?? []), fate]);
  }
  return fates;
}
