import type { BlockHeader, BlockRef } from "../block.ts";
import { blockHeaderOf } from "./block-record.ts";
import type { Broker } from "./broker.ts";
import { isRewind, keptOf, rewindsOf } from "./rewind-record.ts";
import { lookBack, type Range, readBetween } from "./tail.ts";

/** Offsets of a first look back: more than the confirmations of any sane policy. */
const FIRST_WINDOW = 256;

/** A block of raw's newest branch; `offset`: where it was announced last. */
export interface AnnouncedBlock extends BlockHeader {
  readonly offset: number;
}

/** The end of raw. */
export interface NewestBranch {
  /** Down to the height that was asked for, oldest first, or as far as raw goes back; none where raw is empty. */
  readonly blocks: readonly AnnouncedBlock[];
  /** Nothing but the branch was announced from its oldest block on. */
  readonly alone: boolean;
}

/** Reads the branch of raw's newest record down to `height`. */
export async function readNewestBranch(broker: Broker, raw: string, height: number): Promise<NewestBranch> {
  const { low, high } = await broker.bounds(raw);
  return await lookBack(
    { low, high, window: FIRST_WINDOW },
    (from) => branchBetween(broker, { topic: raw, from, to: high }, height),
    ({ blocks: [oldest] }) => oldest !== undefined && oldest.height <= height,
  );
}

async function branchBetween(broker: Broker, range: Range, height: number): Promise<NewestBranch> {
  const announced: AnnouncedBlock[] = [];
  for await (const record of readBetween(broker, range)) {
    announced.push({ ...blockHeaderOf(record), offset: record.offset });
  }
  const blocks = branchIn(announced, height);
  const since = announced.filter((block) => block.offset >= (blocks[0]?.offset ?? 0));
  return { blocks, alone: since.length === blocks.length };
}

function branchIn(announced: readonly AnnouncedBlock[], height: number): readonly AnnouncedBlock[] {
  const last = new Map(announced.map((block) => [block.hash, block]));
  const branch: AnnouncedBlock[] = [];
  let block = announced.at(-1);
  while (block !== undefined) {
    branch.push(block);
    block = block.height > height ? last.get(block.parent) : undefined;
  }
  return branch.reverse();
}

/** A final block as its topic has it. */
export interface FinalPlace extends BlockHeader {
  readonly headers: Readonly<Record<string, string>>;
  readonly rewinds: number;
  /** The record is no block's own: a rewind put the chain back to it. */
  readonly isRewind: boolean;
}

/** Reads what final holds, and was not taken back, from `height` on, oldest first; its newest block in any case. */
export async function readFinal(
  broker: Broker,
  topic: string,
  height: number,
): Promise<readonly FinalPlace[]> {
  const { low, high } = await broker.bounds(topic);
  const kept = await lookBack(
    { low, high, window: FIRST_WINDOW },
    (from) => finalBetween(broker, { topic, from, to: high }),
    ([oldest]) => oldest !== undefined && oldest.height <= height,
  );
  return kept.filter((block, at) => block.height >= height || at === kept.length - 1);
}

async function finalBetween(broker: Broker, range: Range): Promise<readonly FinalPlace[]> {
  const found: FinalPlace[] = [];
  for await (const record of readBetween(broker, range)) {
    const { headers } = record;
    const rewinds = rewindsOf(record);
    found.push({ ...blockHeaderOf(record), headers, rewinds, isRewind: isRewind(record) });
  }
  return keptOf(found);
}

/** The newest block that both hold; undefined: none of those that were looked at. */
export function forkOf(final: readonly BlockRef[], branch: readonly BlockRef[]): BlockRef | undefined {
  const hashes = new Map(branch.map((block) => [block.height, block.hash]));
  return final.findLast((block) => hashes.get(block.height) === block.hash);
}
