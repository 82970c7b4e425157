import { describe, expect, it } from "vitest";
import type { ChainHeader } from "../../../ingest/bitcoin/header.ts";
import { type BitcoinCaller, openHeaderBook } from "../../../ingest/bitcoin/header-book.ts";
import { openHistories } from "../../../ingest/bitcoin/history.ts";
import { bitcoinReprover } from "../../../ingest/bitcoin/reprove.ts";
import { NETWORK_RULES } from "../../../ingest/bitcoin/rules.ts";
import { bitsRequired } from "../../../ingest/bitcoin/work.ts";
import type { Reply } from "../../../ingest/rpc.ts";
import type { BlockHash, BlockHeader } from "../../../stream/block.ts";
import { bodyFacts, rawOf } from "../../chain/bitcoin/bodies.ts";
import { hidden, sha256d, shown, uint32 } from "../../chain/bitcoin/bytes.ts";

const NEVER = new AbortController().signal;
const BITS = 0x1c00ffff;

/** A header of a chain of bare headers, ten minutes apart. */
interface Bare extends ChainHeader {
  readonly height: number;
  readonly json: object;
}

function chainOf(count: number, bits: (height: number) => number = () => BITS): readonly Bare[] {
  const chain: Bare[] = [];
  for (let height = 0; height < count; height += 1) {
    const parent = (chain.at(-1)?.hash ?? "0".repeat(64)) as BlockHash;
    const time = 1_300_000_000 + 600 * height;
    const fields = [
      uint32(1),
      hidden(parent),
      Buffer.alloc(32),
      uint32(time),
      uint32(bits(height)),
      uint32(0),
    ];
    const hash = shown(sha256d(Buffer.concat(fields))) as BlockHash;
    const merkleroot = "0".repeat(64);
    const json = {
      version: 1,
      previousblockhash: parent,
      merkleroot,
      time,
      bits: bits(height).toString(16),
      nonce: 0,
    };
    chain.push({ hash, parent, time, bits: bits(height), height, json });
  }
  return chain;
}

/** A node that has the blocks of `chain`, and counts its calls. */
function nodeOf(chain: readonly Bare[]): BitcoinCaller & { calls: number } {
  const error: Reply = { kind: "error", code: -8, message: "Block height out of range" };
  const node = {
    calls: 0,
    call: async (calls: Parameters<BitcoinCaller["call"]>[0]) => {
      node.calls += calls.length;
      const value = calls.map(({ method, params }): Reply => {
        const found = chain.find((one) => (method === "getblockhash" ? one.height : one.hash) === params[0]);
        if (found === undefined) return error;
        return { kind: "result", value: method === "getblockhash" ? found.hash : found.json };
      });
      return { kind: "answer", value } as const;
    },
  };
  return node;
}

function historiesOn(node: BitcoinCaller, rules = NETWORK_RULES.mainnet) {
  const book = openHeaderBook();
  const histories = openHistories(
    async (question, signal) => {
      const answer = await question(node, signal);
      return answer.kind === "answer" ? answer.value : undefined;
    },
    book,
    rules,
  );
  return { book, of: (header: BlockHeader) => histories.of(header, NEVER) };
}

const chain = chainOf(4_040);
/** Of the eleven blocks below a height. */
const timesBelow = (height: number) => chain.slice(height - 11, height).map(({ time }) => time);

describe("the history of a block's work", () => {
  it("is its period's, asked for once, and that of the blocks above follows from their headers", async () => {
    const node = nodeOf(chain);
    const { book, of } = historiesOn(node);
    const [first, ...above] = chain.slice(4_000);
    expect(await of(first!)).toEqual({
      parent: { time: chain[3_999]!.time, bits: BITS },
      period: { firstTime: chain[2_016]!.time, firstBits: BITS, earnedBits: BITS },
      times: timesBelow(4_000),
    });
    const asked = node.calls;
    expect(asked).toBe(2 * (4_000 - 2_016));
    for (const header of chain.slice(4_000)) book.add(header);
    for (const header of above) {
      const history = await of(header);
      const begins = header.height > 4_032 ? 4_032 : 2_016;
      expect(history?.period?.firstTime).toBe(chain[begins]!.time);
      expect(history?.parent.time).toBe(chain[header.height - 1]!.time);
      expect(history?.times).toEqual(timesBelow(header.height));
    }
    expect(node.calls).toBe(asked);
  });

  it("is asked for by many blocks at once, and still only once", async () => {
    const node = nodeOf(chain);
    const { book, of } = historiesOn(node);
    for (const header of chain.slice(3_000, 3_016)) book.add(header);
    const histories = await Promise.all(chain.slice(3_000, 3_016).map(of));
    expect(histories.every((history) => history?.period?.firstTime === chain[2_016]!.time)).toBe(true);
    expect(node.calls).toBe(2 * (3_000 - 2_016));
  });

  it("tells the retarget exactly where the period is known", async () => {
    const { of } = historiesOn(nodeOf(chain));
    const history = await of(chain[2_016]!);
    // 2,015 steps of ten minutes are counted for 2,016: the target shrinks a little.
    expect(bitsRequired(chain[2_016]!, history!, NETWORK_RULES.mainnet)).toBe(0x1c00ffde);
  });

  it("is the parent's alone where a node has nothing below it, and nothing where it has not even that", async () => {
    const { of } = historiesOn(nodeOf(chain.slice(3_990)));
    expect(await of(chain[3_991]!)).toEqual({
      parent: { time: chain[3_990]!.time, bits: BITS },
      period: undefined,
      times: [chain[3_990]!.time],
    });
    const bare = historiesOn(nodeOf(chain.slice(4_000)));
    expect(await bare.of(chain[4_000]!)).toBeUndefined();
    // The next block knows its parent, and asks no more.
    bare.book.add(chain[4_000]!);
    expect(await bare.of(chain[4_001]!)).toMatchObject({ parent: { bits: BITS }, period: undefined });
  });

  it("rests on hashes alone: what a node says of another branch does not count", async () => {
    const other = chainOf(4_040, (height) => (height < 2_500 ? BITS : 0x1b00ffff));
    const mixed = [...other.slice(0, 3_999), ...chain.slice(3_999)];
    const { of } = historiesOn(nodeOf(mixed));
    expect(await of(chain[4_000]!)).toEqual({
      parent: { time: chain[3_999]!.time, bits: BITS },
      period: undefined,
      times: [chain[3_999]!.time],
    });
  });

  it("has eleven times also right above a retarget, and is no more than they on regtest", async () => {
    const node = nodeOf(chain);
    const above = await historiesOn(node).of(chain[2_020]!);
    expect(above).toMatchObject({ period: { firstTime: chain[2_016]!.time }, times: timesBelow(2_020) });
    expect(node.calls).toBe(2 * 11);
    const onRegtest = await historiesOn(node, NETWORK_RULES.regtest).of(chain[4_000]!);
    expect(onRegtest).toMatchObject({ period: undefined, times: timesBelow(4_000) });
    expect(node.calls).toBe(4 * 11);
  });

  it("is asked for again where a node could not tell it, and block 0 has none", async () => {
    const node = nodeOf(chain);
    let fails = true;
    const call: BitcoinCaller["call"] = async (calls, signal) => {
      if (!fails) return await node.call(calls, signal);
      fails = false;
      const error: Reply = { kind: "error", code: -32603, message: "disk" };
      return { kind: "answer", value: calls.map(() => error) };
    };
    const asked: string[] = [];
    const histories = openHistories(
      async (question, signal) => {
        for (;;) {
          const answer = await question({ call }, signal);
          asked.push(answer.kind);
          if (answer.kind === "answer") return answer.value;
        }
      },
      openHeaderBook(),
      NETWORK_RULES.mainnet,
    );
    expect(await histories.of(chain[3_000]!, NEVER)).toMatchObject({ times: timesBelow(3_000) });
    expect(asked).toEqual(["outage", "answer"]);
    expect(await histories.of(chain[0]!, NEVER)).toBeUndefined();
  });
});

describe("proving raw again", () => {
  it("knows the target of a block from the record before it", () => {
    const { height, hash, time } = bodyFacts().find((facts) => facts.height === 757739)!;
    const value = rawOf(height);
    const header = { height, hash, time, parent: shown(value.subarray(4, 36)) } as BlockHeader;
    const reprove = bitcoinReprover("mainnet");
    expect(reprove(value, header, ["header", "work", "merkle", "unheard of"])).toEqual({ kind: "holds" });
    const changed = { ...header, hash: "another" as BlockHash };
    expect(reprove(value, changed, ["header"])).toMatchObject({ kind: "refused", proof: "header" });
    // Its own child, as far as work goes: the same bytes said to stand on it.
    const child = { ...header, height: height + 1, parent: header.hash };
    expect(reprove(value, child, ["work"])).toEqual({ kind: "holds" });
    const heavier = Buffer.from(value);
    heavier.writeUInt32LE(0x1d00ffff, 72);
    const own = { ...child, hash: shown(sha256d(heavier.subarray(0, 80))) as BlockHash };
    expect(reprove(heavier, own, ["work"])).toMatchObject({ kind: "refused", proof: "work" });
  });
});
