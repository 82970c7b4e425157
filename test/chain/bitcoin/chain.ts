import type { BlockHash, BlockHeader } from "../../../stream/block.ts";
import { back } from "../walk.ts";
import { type Body, type BodyFacts, loadBodies } from "./bodies.ts";
import { compactSize, hidden, sha256d, shown } from "./bytes.ts";
import { regtestGenesis } from "./genesis.ts";
import { type Coinbase, coinbaseOf, mine, type Pressed, pressBodies, REGTEST_BITS, workOf } from "./mint.ts";

/** A block of ours: real transactions under a regtest header. It knows its parent, so a tip is a whole chain. */
export interface ChainBlock extends BlockHeader {
  readonly before: ChainBlock | undefined;
  readonly branch: string;
  readonly bits: number;
  /** Of the whole chain up to this block. */
  readonly work: bigint;
  readonly body: Pressed;
  readonly coinbase: Coinbase;
  /** The 80 bytes. */
  readonly header: Buffer;
  readonly world: World;
}

/** What a simulated chain is made from; nothing in it is left to chance but `seed`. */
interface World {
  readonly seed: number;
  /** Height of the first block; 0: regtest's own genesis. */
  readonly start: number;
  /** Unix seconds of the first block, unless that is genesis. */
  readonly startTime: number;
  readonly spacingS: number;
  /** Times stray by so much at most, as miners' clocks do; none is at or below the median of the eleven before it. */
  readonly jitterS: number;
  /** How many bodies stand in one block. */
  readonly blend: number;
  readonly bodies: readonly Body[];
  readonly pressed: Map<string, Pressed>;
}

/** Options of `simulateBitcoin`; `bodies` chooses among the project's bodies. */
export interface WorldOptions extends Partial<Omit<World, "bodies" | "pressed">> {
  readonly bodies?: (facts: BodyFacts) => boolean;
}

/** How blocks are grown: by which target, and what the coinbase claims beyond what it may (a lie, for tests). */
export interface GrowOptions {
  readonly bits?: number;
  readonly extraSat?: bigint;
}

/** 2026-01-01T00:00:00Z. */
const START_TIME = 1_767_225_600;
/** Regtest's genesis (Bitcoin Core, `chainparams.cpp`). */
export const REGTEST_GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
/** Blocks whose median time the next one must exceed (Bitcoin Core, `chain.h`). */
const MEDIAN_SPAN = 11;
/** A sixteenth of regtest's largest target: one block outweighs fifteen. */
export const HEAVY_BITS = 0x2007ffff;

/** Small bodies: some dozen transactions. */
export function isSmall(facts: BodyFacts): boolean {
  return facts.transactions <= 100;
}

/** The first block of a new chain: height 1, ten minutes a block, small bodies, unless told otherwise. */
export function simulateBitcoin(options: WorldOptions = {}): ChainBlock {
  const { seed = 1, start = 1, startTime = START_TIME, spacingS = 600, jitterS = 0, blend = 1 } = options;
  const bodies = loadBodies(options.bodies ?? isSmall);
  const world: World = {
    ...{ seed, start, startTime, spacingS, jitterS, blend: Math.min(blend, bodies.length) },
    bodies,
    pressed: new Map(),
  };
  if (start === 0) return genesisOf(world);
  return blockOn(undefined, { branch: "a", world, bits: REGTEST_BITS, extraSat: 0n });
}

/** Regtest's genesis, in a world whose blocks can be grown on it. */
export function genesisOf(world: World): ChainBlock {
  const given = regtestGenesis();
  return {
    ...{ ...given, world, before: undefined, branch: "a", height: 0, work: workOf(given.bits) },
    hash: shown(sha256d(given.header)) as BlockHash,
    parent: shown(given.header.subarray(4, 36)) as BlockHash,
  };
}

/** The tip after `count` more blocks on `tip`, on the branch named: other names give other blocks, the same name the same. */
export function grow(
  tip: ChainBlock,
  count: number,
  branch: string = tip.branch,
  { bits = REGTEST_BITS, extraSat = 0n }: GrowOptions = {},
): ChainBlock {
  let block = tip;
  for (let grown = 0; grown < count; grown += 1) {
    block = blockOn(block, { branch, world: tip.world, bits, extraSat });
  }
  return block;
}

/** The tip of a rival branch, one block longer: `depth` blocks of `tip` are replaced by `depth + 1` others. */
export function fork(tip: ChainBlock, depth: number, branch: string): ChainBlock {
  return grow(back(tip, depth), depth + 1, branch);
}

/** The tip of a rival branch that is shorter by `fewer` blocks, and heavier: `depth` blocks of `tip` are replaced. */
export function outweigh(
  tip: ChainBlock,
  { depth, fewer, branch }: { readonly depth: number; readonly fewer: number; readonly branch: string },
): ChainBlock {
  return grow(back(tip, depth), Math.max(1, depth - fewer), branch, { bits: HEAVY_BITS });
}

/** The block as it is serialized. */
export function blockBytes({ header, body, coinbase }: ChainBlock): Buffer {
  return Buffer.concat([header, compactSize(body.transactions.length + 1), coinbase.bytes, body.bytes]);
}

/** The raw value that ingest makes of a block. */
export function rawValue(block: ChainBlock): Buffer {
  return Buffer.concat([blockBytes(block), block.body.spent]);
}

/** The median time of a block and the ten before it, in Unix seconds. */
export function medianTime(tip: ChainBlock): number {
  const times: number[] = [];
  for (let block: ChainBlock | undefined = tip; block !== undefined && times.length < MEDIAN_SPAN; ) {
    times.push(block.time);
    block = block.before;
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? tip.time;
}

interface Making extends Required<GrowOptions> {
  readonly branch: string;
  readonly world: World;
}

function blockOn(before: ChainBlock | undefined, making: Making): ChainBlock {
  const { branch, world, bits, extraSat } = making;
  const height = before === undefined ? world.start : before.height + 1;
  const parent = before?.hash ?? firstParent(world);
  const dice = sha256d(Buffer.from(`${world.seed} ${branch} ${height}`));
  const time = timeOn(before, { world, height, dice });
  const body = bodyAt(world, dice);
  const coinbase = coinbaseOf(body, { height, branch, extraSat });
  const header = mine(body, { parent: hidden(parent), time, bits, txid: coinbase.txid });
  return {
    ...{ height, parent, time, before, branch, bits, body, coinbase, header, world },
    hash: shown(sha256d(header)) as BlockHash,
    work: (before?.work ?? 0n) + workOf(bits),
  };
}

function firstParent(world: World): BlockHash {
  if (world.start === 1) return REGTEST_GENESIS as BlockHash;
  return shown(sha256d(Buffer.from(`before ${world.start} of ${world.seed}`))) as BlockHash;
}

function timeOn(
  before: ChainBlock | undefined,
  { world, height, dice }: { readonly world: World; readonly height: number; readonly dice: Buffer },
): number {
  const due = world.startTime + (height - world.start) * world.spacingS;
  const stray = world.jitterS === 0 ? 0 : (dice.readUInt32BE(8) % (2 * world.jitterS + 1)) - world.jitterS;
  return before === undefined ? due : Math.max(due + stray, medianTime(before) + 1);
}

function bodyAt(world: World, dice: Buffer): Pressed {
  const { bodies, blend, pressed } = world;
  if (bodies.length === 0) throw new RangeError("no body is wanted: a chain needs at least one");
  const first = dice.readUInt32BE() % bodies.length;
  const chosen = Array.from({ length: blend }, (_, index) => (first + index) % bodies.length);
  const known = pressed.get(chosen.join());
  if (known !== undefined) return known;
  const made = pressBodies(chosen.flatMap((index) => bodies[index] ?? []));
  pressed.set(chosen.join(), made);
  return made;
}
