import type { BlockHash } from "../../stream/block.ts";
import { uintBytes } from "../../stream/ethereum/rlp.ts";
import { type Body, type BodyFacts, loadBodies } from "./bodies.ts";
import { type Content, HEADER, type Header, headerHash } from "./content.ts";
import { fromHex, toHex } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { press } from "./press.ts";
import { labelsOf, type ServedBlock } from "./served.ts";
import { back } from "./walk.ts";

/** A block of ours: a real body under a header of its own. It knows its parent, so a tip is a whole chain. */
export interface ChainBlock extends ServedBlock {
  readonly before: ChainBlock | undefined;
  readonly branch: string;
  readonly body: Body;
  readonly content: Content;
  readonly world: World;
}

/** What a simulated chain is made from; nothing in it is left to chance but `seed`. */
interface World {
  readonly seed: number;
  /** Height of the first block. */
  readonly start: number;
  /** Unix seconds of the first block. */
  readonly startTime: number;
  readonly spacingS: number;
  readonly bodies: readonly Body[];
}

/** Options of `simulateChain`; `bodies` chooses among the project's bodies. */
export interface WorldOptions extends Partial<Omit<World, "bodies">> {
  readonly bodies?: (facts: BodyFacts) => boolean;
}

/** London: from here on a header has a base fee. */
const LONDON = 12_965_000;
/** 2026-01-01T00:00:00Z. */
const START_TIME = 1_767_225_600;
/** The root of an empty list of withdrawals: keccak-256 of an empty RLP string (yellow paper, appendix D). */
const EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/** Bodies from London on: what a chain of today looks like. */
export function isModern(facts: BodyFacts): boolean {
  return facts.height >= LONDON;
}

/** Bodies with a trace for each transaction. */
export function isTraced(facts: BodyFacts): boolean {
  return isModern(facts) && facts.traces;
}

/** Bodies of main-net size: 150 to 200 transactions. */
export function isMainnetSize(facts: BodyFacts): boolean {
  return isModern(facts) && facts.transactions >= 150 && facts.transactions <= 200;
}

/** The first block of a new chain: `start` 1000, ten minutes a block, all modern bodies, unless told otherwise. */
export function simulateChain(options: WorldOptions = {}): ChainBlock {
  const { seed = 1, start = 1000, startTime = START_TIME, spacingS = 600, bodies = isModern } = options;
  const world: World = { seed, start, startTime, spacingS, bodies: loadBodies(bodies) };
  return blockOn(undefined, "a", world);
}

/** The tip after `count` more blocks on `tip`, on the branch named: other names give other blocks, the same name the same. */
export function grow(tip: ChainBlock, count: number, branch: string = tip.branch): ChainBlock {
  let block = tip;
  for (let grown = 0; grown < count; grown += 1) block = blockOn(block, branch, tip.world);
  return block;
}

/** The tip of a rival branch, one block longer: `depth` blocks of `tip` are replaced by `depth + 1` others. */
export function fork(tip: ChainBlock, depth: number, branch: string): ChainBlock {
  return grow(back(tip, depth), depth + 1, branch);
}

function blockOn(before: ChainBlock | undefined, branch: string, world: World): ChainBlock {
  const height = before === undefined ? world.start : before.height + 1;
  const body = bodyAt(world, branch, height);
  const parent =
    before?.hash ?? (toHex(keccak256(Buffer.from(`before ${world.start} of ${world.seed}`))) as BlockHash);
  const time = world.startTime + (height - world.start) * world.spacingS;
  const header = headerOf(body, { height, parent, time, branch });
  const hash = headerHash(header) as BlockHash;
  const place = { height, hash, parent, time };
  const block: ChainBlock = {
    ...place,
    before,
    branch,
    body,
    world,
    get content() {
      return contentOf(body, { hash, header, receiptLabels: labelsOf(place) });
    },
    answer: (part) => press(block, body, block.content, part),
  };
  return block;
}

function bodyAt(world: World, branch: string, height: number): Body {
  const dice = keccak256(Buffer.from(`${world.seed} ${branch} ${height}`));
  const body = world.bodies[Buffer.from(dice).readUInt32BE() % world.bodies.length];
  if (body === undefined) throw new RangeError("no body is wanted: a chain needs at least one");
  return body;
}

/** The body's own header but for its place; the branch stands in `extraData`, so that no two branches share a block. */
function headerOf(
  body: Body,
  place: { readonly height: number; readonly parent: string; readonly time: number; readonly branch: string },
): Header {
  const header = [...body.header];
  header[HEADER.parentHash] = fromHex(place.parent);
  header[HEADER.number] = uintBytes(place.height);
  header[HEADER.timestamp] = uintBytes(place.time);
  header[HEADER.extraData] = Buffer.from(`sluice ${place.branch}`);
  if (hasLostWithdrawals(body)) header[HEADER.withdrawalsRoot] = fromHex(EMPTY_ROOT);
  return header;
}

/** The header commits to withdrawals that the source does not have: the new block has none. */
function hasLostWithdrawals(body: Body): boolean {
  return !body.facts.withdrawals && body.header.length > HEADER.withdrawalsRoot;
}

function contentOf(body: Body, place: Pick<Content, "hash" | "header" | "receiptLabels">): Content {
  const { transactions, ommers, withdrawals, receipts, traces } = body;
  return { ...place, transactions, ommers, withdrawals, receipts, traces };
}
