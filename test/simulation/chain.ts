import { encodeHeader } from "../../ingest/ethereum/encode-header.ts";
import { keccak256 } from "../../ingest/ethereum/keccak.ts";
import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import type { FlowType } from "../../stream/flow/leg.ts";
import type { Random } from "./random.ts";

/** One movement of a simulated block. */
export interface SimLeg {
  readonly flowType: FlowType;
  readonly from: string | null;
  readonly to: string | null;
  readonly asset: string;
  /** Decimal, base units. */
  readonly amount: string;
  /** Which of the block's transactions it belongs to. */
  readonly tx: number;
}

/** What a simulated block says, in the bytes that its hash commits to. */
export interface Payload {
  readonly legs: readonly SimLeg[];
  readonly fees: readonly { readonly exchange: string; readonly amount: string }[];
}

/** A block of the simulated chain. */
export interface SimBlock extends BlockHeader {
  readonly payload: Payload;
  /** The payload's bytes: what a raw record holds. */
  readonly bytes: Uint8Array;
  readonly json: Readonly<Record<string, string>>;
  /** The same as text. */
  readonly text: string;
}

/** How the times of blocks go: strictly upward, or only above the median of the last eleven. */
export type TimeRule = "ascending" | "above the median";

/** 2023-11-14 22:13:20 UTC: a day ends within the first blocks. */
const GENESIS_TIME = 1_700_000_000;
const HOUR_S = 3600;
/** How many of the steps from block to block are long ones, and how long (hours). */
const LONG_STEPS = {
  dense: { share: 0.15, least: 3, most: 9 },
  sparse: { share: 0.7, least: 9, most: 30 },
};

const ZERO = (bytes: number) => `0x${"0".repeat(2 * bytes)}`;
const BLANK = {
  sha3Uncles: ZERO(32),
  miner: ZERO(20),
  stateRoot: ZERO(32),
  transactionsRoot: ZERO(32),
  receiptsRoot: ZERO(32),
  logsBloom: ZERO(256),
  difficulty: "0x0",
  gasLimit: "0x0",
  gasUsed: "0x0",
  mixHash: ZERO(32),
  nonce: ZERO(8),
};

/** All blocks that were ever made, and the way from each down to the first. */
export class SimChain {
  readonly #blocks = new Map<string, SimBlock>();
  readonly #start: number;
  readonly #rule: TimeRule;
  readonly #longSteps: (typeof LONG_STEPS)[keyof typeof LONG_STEPS];

  /** `sparse`: most blocks come about a day after the one before. */
  constructor(start: number, rule: TimeRule, sparse = false) {
    this.#start = start;
    this.#rule = rule;
    this.#longSteps = sparse ? LONG_STEPS.sparse : LONG_STEPS.dense;
  }

  get(hash: string): SimBlock | undefined {
    return this.#blocks.get(hash);
  }

  /** Makes a block above `parent` (undefined: the first one), by the draws of `random`. */
  grow(parent: SimBlock | undefined, random: Random): SimBlock {
    const time = this.#roundedAbove(parent, random);
    const block = makeBlock(
      { height: parent === undefined ? this.#start : parent.height + 1, parent: parent?.hash, time },
      payloadOf(random),
    );
    this.#blocks.set(block.hash, block);
    return block;
  }

  /** From the first block up to `tip`. */
  upTo(tip: SimBlock): readonly SimBlock[] {
    const chain: SimBlock[] = [];
    for (let at: SimBlock | undefined = tip; at !== undefined; at = this.#blocks.get(at.parent))
      chain.push(at);
    return chain.reverse();
  }

  /** Often just when an hour begins: there it shows whether a bound is one too high. */
  #roundedAbove(parent: SimBlock | undefined, random: Random): number {
    const time = this.#timeAbove(parent, random);
    return random.chance(0.25) ? Math.ceil(time / HOUR_S) * HOUR_S : time;
  }

  #timeAbove(parent: SimBlock | undefined, random: Random): number {
    if (parent === undefined) return GENESIS_TIME + random.whole(0, 7200);
    const long = this.#longSteps;
    const step = random.chance(long.share)
      ? random.whole(long.least * HOUR_S, long.most * HOUR_S)
      : random.whole(60, 5000);
    if (this.#rule === "ascending") return parent.time + step;
    const recent = this.upTo(parent)
      .slice(-11)
      .map((block) => block.time)
      .sort((one, other) => one - other);
    const least = (recent[recent.length >> 1] as number) + 1;
    return random.chance(0.3)
      ? Math.max(least, parent.time - random.whole(0, 7000))
      : Math.max(least, parent.time + step);
  }
}

function makeBlock(
  place: { readonly height: number; readonly parent: BlockHash | undefined; readonly time: number },
  payload: Payload,
): SimBlock {
  const bytes = Buffer.from(JSON.stringify(payload));
  const json = {
    ...BLANK,
    parentHash: place.parent ?? ZERO(32),
    number: `0x${place.height.toString(16)}`,
    timestamp: `0x${place.time.toString(16)}`,
    extraData: `0x${bytes.toString("hex")}`,
  };
  const hash = `0x${Buffer.from(keccak256(encodeHeader(json))).toString("hex")}` as BlockHash;
  const whole = { hash, ...json };
  return {
    height: place.height,
    hash,
    parent: json.parentHash as BlockHash,
    time: place.time,
    payload,
    bytes,
    json: whole,
    text: JSON.stringify(whole),
  };
}

const EXCHANGES = ["ada", "bob"];
const ASSETS = ["ETH", "USDT"];

function payloadOf(random: Random): Payload {
  const legs = Array.from({ length: random.chance(0.25) ? 0 : random.whole(1, 3) }, () => legOf(random));
  const fees = random.chance(0.3)
    ? [{ exchange: random.pick(EXCHANGES), amount: String(random.whole(0, 50)) }]
    : [];
  return { legs, fees };
}

function legOf(random: Random): SimLeg {
  const flowType = random.pick(["inflow", "outflow", "inter", "intra", "issued", "redeemed"] as const);
  const one = random.pick(EXCHANGES);
  const other = EXCHANGES.find((exchange) => exchange !== one) as string;
  const [from, to] = {
    inflow: [null, one],
    outflow: [one, null],
    inter: [one, other],
    intra: [one, one],
    issued: [null, one],
    redeemed: [one, null],
  }[flowType] as [string | null, string | null];
  // Beyond a double's whole numbers: an amount that went through one would show.
  const amount = String(9_007_199_254_740_993n + BigInt(random.whole(0, 1_000_000)));
  return { flowType, from, to, asset: random.pick(ASSETS), amount, tx: random.whole(0, 1) };
}
