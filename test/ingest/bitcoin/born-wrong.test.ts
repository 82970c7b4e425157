import { describe, expect, it } from "vitest";
import { proveAnswer } from "../../../ingest/bitcoin/prove.ts";
import { proveHeader } from "../../../ingest/bitcoin/prove-header.ts";
import type { BitcoinOutcome } from "../../../ingest/bitcoin/prover.ts";
import { NETWORK_RULES } from "../../../ingest/bitcoin/rules.ts";
import type { WorkHistory } from "../../../ingest/bitcoin/work.ts";
import type { BlockHash } from "../../../stream/block.ts";
import { loadBodies } from "../../chain/bitcoin/bodies.ts";
import { hidden, sha256d, shown } from "../../chain/bitcoin/bytes.ts";
import { blockBytes, type ChainBlock, grow, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { distort, distortBytes, LIES, type Lie } from "../../chain/bitcoin/lies.ts";
import {
  coinbaseOf,
  mine,
  mineUnder,
  pressBodies,
  REGTEST_BITS,
  subsidySat,
} from "../../chain/bitcoin/mint.ts";
import { back } from "../../chain/walk.ts";

const modern = simulateBitcoin({ bodies: (facts) => facts.witness, start: 500 });
const block = grow(modern, 2);
const own = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

function prove(bytes: Uint8Array, of: ChainBlock, spent: Uint8Array = of.body.spent): BitcoinOutcome {
  const answer = { form: "rest", block: own(bytes), spent: own(spent) } as const;
  const { height, hash, parent, time } = of;
  const expected = { height, hash, parent, time };
  return proveAnswer({ answer, expected, network: "regtest", history: undefined, waive: [] });
}

/** The block under another header, which is then the one asked for. */
function under(of: ChainBlock, header: Buffer): ChainBlock {
  return { ...of, header, hash: shown(sha256d(header)) as BlockHash };
}

function remined(of: ChainBlock): ChainBlock {
  const { parent, time, bits, coinbase, body } = of;
  return under(of, mine(body, { parent: hidden(parent), time, bits, txid: coinbase.txid }));
}

describe("a block that is wrong from birth", () => {
  it("is refused where the same block done right is proven", () => {
    expect(prove(blockBytes(block), block).kind).toBe("proven");
    expect(prove(blockBytes(remined(block)), remined(block)).kind).toBe("proven");
  });

  it("without its work", () => {
    const header = Buffer.from(block.header);
    for (let nonce = 0; !shown(sha256d(header)).match(/^[89a-f]/); nonce += 1)
      header.writeUInt32LE(nonce, 76);
    const lazy = under(block, header);
    expect(prove(blockBytes(lazy), lazy)).toEqual({
      kind: "refused",
      proof: "work",
      reason: "its hash does not meet nBits 207fffff",
      waivable: true,
    });
  });

  it("with a target above the network's limit, or with none", () => {
    const named = (bits: number) => {
      const header = Buffer.from(block.header);
      header.writeUInt32LE(bits, 72);
      const other = under(block, header);
      return prove(blockBytes(other), other);
    };
    expect(named(0x2100ffff)).toMatchObject({
      proof: "work",
      reason: "nBits 2100ffff is above the network's limit",
      waivable: true,
    });
    for (const bits of [0, 0x20800001, 0x23000001, 0x01003456]) {
      const text = bits.toString(16).padStart(8, "0");
      expect(named(bits)).toEqual({
        kind: "refused",
        proof: "work",
        reason: `nBits ${text} is no target`,
        waivable: true,
      });
    }
    expect(REGTEST_BITS).toBe(0x207fffff);
  });

  it("with another target than its ancestors call for, or a period that begins too early", () => {
    // Regtest's easy targets under main net's and testnet4's rules, so that work can be done here.
    const rules = { ...NETWORK_RULES.mainnet, limit: NETWORK_RULES.regtest.limit };
    const historyOf = (bits: number, parentTime = block.time): WorkHistory => ({
      parent: { time: parentTime, bits },
      period: { firstTime: 0, firstBits: bits, earnedBits: bits },
      times: [],
    });
    const prove = (work: { rules: typeof rules; history: WorkHistory }, place: object = {}) =>
      proveHeader(blockBytes(block), { ...block, ...place }, work, new Set(["work"]));
    prove({ rules, history: historyOf(REGTEST_BITS) });
    expect(() => prove({ rules, history: historyOf(0x207ffffe) })).toThrow(
      "work: nBits is 207fffff, and must be 207ffffe after its ancestors",
    );
    const testnet = { ...rules, retarget: "first" as const };
    const first = { height: 2016 };
    prove({ rules: testnet, history: historyOf(REGTEST_BITS, block.time + 600) }, first);
    expect(() =>
      prove({ rules: testnet, history: historyOf(REGTEST_BITS, block.time + 601) }, first),
    ).toThrow(`work: its time is too far before its parent's ${block.time + 601}`);
  });

  it("with a time that does not exceed the median of the eleven blocks before it", () => {
    const timed = (times: readonly number[]) => {
      const history = { parent: { time: 0, bits: REGTEST_BITS }, period: undefined, times };
      proveHeader(blockBytes(block), block, { rules: NETWORK_RULES.regtest, history }, new Set(["work"]));
    };
    const around = (median: number) => [...Array(5).fill(0), median, ...Array(5).fill(2 ** 32 - 1)];
    timed(around(block.time - 1));
    timed(around(block.time).slice(1));
    expect(() => timed(around(block.time))).toThrow(
      `work: its time ${block.time} does not exceed the median of the eleven blocks before it`,
    );
  });

  it("on another genesis", () => {
    const first = simulateBitcoin();
    expect(prove(blockBytes(first), first).kind).toBe("proven");
    const { body, time, bits } = first;
    const parent = "ab".repeat(32) as BlockHash;
    const coinbase = coinbaseOf(body, { height: 1, branch: "a", extraSat: 0n });
    const other = under(
      { ...first, parent },
      mine(body, { parent: hidden(parent), time, bits, txid: coinbase.txid }),
    );
    expect(prove(blockBytes(other), other)).toEqual({
      kind: "refused",
      proof: "header",
      reason: `its chain's genesis is ${parent}, not ${NETWORK_RULES.regtest.genesis}`,
      waivable: true,
    });
    const zeroth = { ...other, height: 0 };
    expect(prove(blockBytes(zeroth), zeroth)).toMatchObject({ kind: "refused", proof: "header" });
  });

  it("with a wrong Merkle root", () => {
    const { parent, time, bits } = block;
    const root = sha256d(Buffer.from("another"));
    const other = under(block, mineUnder(root, { parent: hidden(parent), time, bits }));
    expect(prove(blockBytes(other), other)).toMatchObject({ kind: "refused", proof: "merkle" });
  });

  it("with more bytes than a block may have, before they are read", () => {
    const endless = Buffer.concat([blockBytes(block), Buffer.alloc(4_000_000)]);
    expect(prove(endless, block)).toEqual({
      kind: "refused",
      proof: "merkle",
      reason: `${endless.length} bytes are more than a block may have`,
      waivable: false,
    });
  });

  it("with a coinbase that claims one satoshi too many", () => {
    const greedy = grow(back(block, 1), 1, "greedy", { extraSat: 1n });
    const allowed = subsidySat(502) + greedy.body.feesSat;
    expect(prove(blockBytes(greedy), greedy)).toEqual({
      kind: "refused",
      proof: "coinbase",
      reason: `it claims ${allowed + 1n} satoshi, and subsidy and fees are ${allowed}`,
      waivable: true,
    });
    const modest = grow(back(block, 1), 1, "modest", { extraSat: -1n });
    expect(prove(blockBytes(modest), modest).kind).toBe("proven");
  });

  it("with a commitment to other witnesses, with none, or with another reserved value", () => {
    const wrong = { ...block.body, wtxidRoot: sha256d(Buffer.from("other witnesses")) };
    const of = (coinbase: ChainBlock["coinbase"]) => remined({ ...block, coinbase });
    const place = { height: block.height, branch: block.branch, extraSat: 0n };
    const misled = of(coinbaseOf(wrong, place));
    expect(prove(blockBytes(misled), misled)).toMatchObject({ kind: "refused", proof: "witness" });
    const silent = of(coinbaseOf({ ...block.body, hasWitness: false }, place));
    expect(prove(blockBytes(silent), silent)).toEqual({
      kind: "refused",
      proof: "witness",
      reason: "there are witnesses, and nothing commits to them",
      waivable: true,
    });
    // The last commitment counts, whatever stands in those before it.
    const decoy = {
      value: 0n,
      script: Buffer.concat([Buffer.from("6a24aa21a9ed", "hex"), Buffer.alloc(32)]),
    };
    const first = of(coinbaseOf({ ...block.body, paid: [...block.body.paid, decoy] }, place));
    expect(prove(blockBytes(first), first).kind).toBe("proven");
    // A node that leaves witnesses out sends the coinbase without its own.
    const { bytes } = block.coinbase;
    const bare = Buffer.concat([bytes.subarray(0, 4), bytes.subarray(6, -38), bytes.subarray(-4)]);
    const stripped = { ...block, coinbase: { ...block.coinbase, bytes: bare } };
    expect(prove(blockBytes(stripped), block)).toMatchObject({
      proof: "witness",
      reason: expect.stringContaining("-rpcserialversion"),
      waivable: true,
    });
  });

  it("with the height of another block in its coinbase, on each side of what one opcode says", () => {
    const first = simulateBitcoin();
    const tip = grow(first, 299);
    for (let step: ChainBlock | undefined = tip; step !== undefined; step = step.before) {
      if (![1, 16, 17, 127, 128, 255, 256, 300].includes(step.height)) continue;
      expect(prove(blockBytes(step), step).kind, String(step.height)).toBe("proven");
      const elsewhere = { ...step, height: step.height + 1 };
      expect(prove(blockBytes(step), elsewhere)).toMatchObject({ kind: "refused", proof: "height" });
    }
  });

  it("with repeated transactions that leave its root the same (CVE-2012-2459)", () => {
    const bodies = loadBodies((facts) => facts.height === 757739);
    // Three transactions: the last one's hash pairs with itself, as if it stood there twice.
    const body = pressBodies(bodies.map((one) => ({ ...one, transactions: one.transactions.slice(0, 2) })));
    const coinbase = coinbaseOf(body, { height: block.height, branch: "a", extraSat: 0n });
    const honest = remined({ ...block, body, coinbase });
    expect(prove(blockBytes(honest), honest).kind).toBe("proven");
    const { block: bytes, spent } = distortBytes("doubled tail", honest);
    expect(prove(bytes, honest, spent)).toEqual({
      kind: "refused",
      proof: "merkle",
      reason: "transactions are repeated in a way that leaves the root the same",
      waivable: true,
    });
  });
});

describe("each lie of the simulated node", () => {
  const NAMES: Readonly<Record<Lie, string>> = {
    "flipped header": "header",
    "flipped transaction": "merkle",
    "flipped witness": "witness",
    "doubled tail": "merkle",
    "dropped transaction": "merkle",
    "missing spent output": "spent",
    "extra spent output": "spent",
    "shifted spent output": "spent",
    "another block's spent outputs": "spent",
    "cut off": "merkle",
    "cut off spent outputs": "spent",
    "trailing bytes": "merkle",
    "trailing spent outputs": "spent",
    "another block": "header",
  };
  const odd = grow(
    simulateBitcoin({ bodies: ({ height }) => [757739, 757753].includes(height), start: 500 }),
    5,
  );

  it.each(LIES)("%s is refused by name", (lie) => {
    const { block: bytes, spent } = distortBytes(lie, odd);
    expect(prove(bytes, odd, spent)).toMatchObject({ kind: "refused", proof: NAMES[lie] });
    expect(distort(lie, odd).height).toBe(odd.height);
  });
});
