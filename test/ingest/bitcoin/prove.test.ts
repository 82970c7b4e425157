import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BITCOIN_HASHES } from "../../../ingest/bitcoin/hashes.ts";
import { proveAnswer } from "../../../ingest/bitcoin/prove.ts";
import { BITCOIN_PROOFS, type BitcoinProof } from "../../../ingest/bitcoin/prover.ts";
import { reproveBitcoin } from "../../../ingest/bitcoin/reprove.ts";
import { txidOf } from "../../../stream/bitcoin/block.ts";
import { decodeRawBlock, inputsOf, outputsOf } from "../../../stream/bitcoin/parse.ts";
import type { BlockHeader, TxHash } from "../../../stream/block.ts";
import { bodyFacts, rawOf } from "../../chain/bitcoin/bodies.ts";
import { shown } from "../../chain/bitcoin/bytes.ts";

/** A real block: its header, its raw value, and where its spent outputs begin. */
interface Real {
  readonly header: BlockHeader;
  readonly value: Buffer;
  readonly spentAt: number;
}

const reals: readonly Real[] = bodyFacts().map(({ height, hash, time }) => {
  const value = rawOf(height);
  const parent = shown(value.subarray(4, 36));
  const header = { height, hash, parent, time } as BlockHeader;
  return { header, value, spentAt: decodeRawBlock(value).block.end };
});
const at = (height: number): Real => reals.find(({ header }) => header.height === height)!;
const own = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

function proved({ header, value, spentAt }: Real, waive: readonly BitcoinProof[] = []) {
  const answer = {
    form: "rest",
    block: own(value.subarray(0, spentAt)),
    spent: own(value.subarray(spentAt)),
  } as const;
  return proveAnswer({ answer, expected: header, network: "mainnet", history: undefined, waive });
}

/** The same block with other bytes in the place of `value`. */
function withBytes(real: Real, place: number, bytes: Uint8Array): Real {
  const value = Buffer.from(real.value);
  value.set(bytes, place);
  return { ...real, value };
}

function flipped(real: Real, bit: number): Real {
  const place = bit >> 3;
  return withBytes(real, place, Buffer.of((real.value[place] ?? 0) ^ (1 << (bit & 7))));
}

const everyBlock = fc.constantFrom(...reals);

describe("a real block", () => {
  it("is proven whole, and its value proves again", () => {
    for (const real of reals) {
      expect(proved(real), String(real.header.height)).toMatchObject({
        kind: "proven",
        proofs: BITCOIN_PROOFS,
      });
      const again = reproveBitcoin(real.value, real.header, BITCOIN_PROOFS, { network: "mainnet" });
      expect(again).toEqual({ kind: "holds" });
    }
  });

  it("with any bit of its header flipped is refused as another header", () => {
    const property = fc.property(everyBlock, fc.nat({ max: 8 * 80 - 1 }), (real, bit) => {
      expect(proved(flipped(real, bit))).toMatchObject({ kind: "refused", proof: "header" });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("with any bit of its transactions flipped is refused: by its root, or by its witnesses' commitment", () => {
    const property = fc.property(everyBlock, fc.nat(), (real, random) => {
      const bit = 8 * 80 + (random % (8 * (real.spentAt - 80)));
      const outcome = proved(flipped(real, bit));
      expect(outcome.kind).toBe("refused");
      expect(["merkle", "witness"]).toContain(outcome.kind === "refused" ? outcome.proof : "");
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("with a bit of a witness flipped is refused by its commitment", () => {
    for (const height of [757739, 757753]) {
      const real = at(height);
      const { block } = decodeRawBlock(real.value);
      for (const tx of block.transactions.filter(({ hasWitness }) => hasWitness)) {
        // The last byte before the lock time: of a signature, a key, or the reserved value.
        const outcome = proved(flipped(real, 8 * (tx.end - 5)));
        expect(outcome).toMatchObject({ kind: "refused", proof: "witness" });
      }
    }
  });

  it("with a count of its spent outputs changed by any bit is refused", () => {
    const property = fc.property(everyBlock, fc.nat({ max: 7 }), (real, bit) => {
      expect(proved(flipped(real, 8 * real.spentAt + bit))).toMatchObject({
        kind: "refused",
        proof: "spent",
      });
    });
    fc.assert(property, { numRuns: 100 });
  });

  it("cut off anywhere is refused by the part that is cut", () => {
    const property = fc.property(everyBlock, fc.nat(), (real, random) => {
      const length = random % real.spentAt;
      const cut = {
        ...real,
        value: Buffer.concat([real.value.subarray(0, length), real.value.subarray(real.spentAt)]),
      };
      const proof = length < 80 ? "header" : "merkle";
      expect(proved({ ...cut, spentAt: length })).toMatchObject({ kind: "refused", proof });
    });
    fc.assert(property, { numRuns: 200 });
    const ofSpent = fc.property(everyBlock, fc.nat(), (real, random) => {
      const length = real.spentAt + (random % (real.value.length - real.spentAt));
      expect(proved({ ...real, value: real.value.subarray(0, length) })).toMatchObject({ proof: "spent" });
    });
    fc.assert(ofSpent, { numRuns: 200 });
  });

  it("with bytes after its transactions or its spent outputs is refused", () => {
    for (const real of reals) {
      const inBlock = Buffer.concat([
        real.value.subarray(0, real.spentAt),
        Buffer.of(0),
        real.value.subarray(real.spentAt),
      ]);
      expect(proved({ ...real, value: inBlock, spentAt: real.spentAt + 1 })).toEqual({
        kind: "refused",
        proof: "merkle",
        reason: "1 bytes follow its last transaction",
        waivable: false,
      });
      const after = Buffer.concat([real.value, Buffer.of(0, 0)]);
      const refused = { kind: "refused", proof: "spent", reason: "2 bytes follow the last spent output" };
      expect(proved({ ...real, value: after })).toEqual({ ...refused, waivable: false });
      expect(reproveBitcoin(after, real.header, BITCOIN_PROOFS, { network: "mainnet" })).toEqual(refused);
    }
  });

  it("with another block's spent outputs is refused", () => {
    for (const real of reals) {
      for (const other of reals) {
        if (other === real) continue;
        const value = Buffer.concat([
          real.value.subarray(0, real.spentAt),
          other.value.subarray(other.spentAt),
        ]);
        const outcome = proved({ ...real, value });
        expect(outcome, `${real.header.height} ${other.header.height}`).toMatchObject({
          kind: "refused",
          proof: "spent",
        });
      }
    }
  });

  it("with an output of its own that is said to be another where it is spent is refused", () => {
    let found = 0;
    for (const real of reals) {
      const { block, spent } = decodeRawBlock(real.value);
      const ids = new Set(block.transactions.map((tx) => txidOf(block, tx, BITCOIN_HASHES.sha256)));
      for (const [index, tx] of block.transactions.entries()) {
        const own = inputsOf(block, tx).findIndex(({ prevoutAt }) =>
          ids.has(shown(real.value.subarray(prevoutAt, prevoutAt + 32)) as TxHash),
        );
        const output = outputsOf(block, spent[index]!)[own];
        if (output === undefined || found >= 40) continue;
        found += 1;
        const refused = {
          kind: "refused",
          proof: "spent",
          reason: expect.stringMatching(`^input ${own} of transaction ${index} spends transaction`),
          waivable: true,
        };
        // A bit of its script, and one of its value: a satoshi more or less.
        expect(proved(flipped(real, 8 * (output.scriptEnd - 1)))).toEqual(refused);
        expect(proved(flipped(real, 8 * (output.scriptAt - 9)))).toEqual(refused);
      }
    }
    expect(found).toBe(40);
  });

  it("that pays out more than it spends is refused, and a coinbase above subsidy and fees", () => {
    const real = at(300025);
    // The first spent output of transaction 1: 4.74236104 BTC, of which 0.0001 are the fee.
    const place = real.spentAt + 5;
    expect(real.value.readBigUInt64LE(place)).toBe(474_236_104n);
    const less = (sat: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(474_236_104n - sat);
      return withBytes(real, place, bytes);
    };
    expect(proved(less(10_001n))).toEqual({
      kind: "refused",
      proof: "spent",
      reason: "transaction 1 pays out 474226104 satoshi and spends 474226103, which no waiver allows",
      waivable: false,
    });
    expect(proved(less(10_000n))).toEqual({
      kind: "refused",
      proof: "coinbase",
      reason: "it claims 2507773345 satoshi, and subsidy and fees are 2507763345",
      waivable: true,
    });
    expect(proved(less(10_000n), ["coinbase"])).toMatchObject({
      kind: "proven",
      proofs: ["header", "work", "merkle", "witness", "height", "spent"],
    });
    // Such a block has no flows: what is waived there is only what the block itself can show.
    expect(proved(less(10_001n), ["spent", "coinbase"])).toMatchObject({ kind: "refused", proof: "spent" });
  });

  it("is refused with values beyond 21 million BTC", () => {
    const real = at(300025);
    const bytes = Buffer.alloc(8, 0xff);
    expect(proved(withBytes(real, real.spentAt + 5, bytes))).toMatchObject({
      kind: "refused",
      proof: "spent",
    });
  });

  it("is said to be waivable just where waiving the proof takes the refusal away", () => {
    const other = (real: Real, change: fc.Arbitrary<Buffer>) => change.map((value) => ({ ...real, value }));
    const changed = everyBlock.chain((real) => {
      const { value, spentAt } = real;
      const bits = (from: number, to: number) =>
        fc.integer({ min: 8 * from, max: 8 * to - 1 }).map((bit) => flipped(real, bit));
      const cut = fc.nat({ max: value.length - 1 });
      return fc.oneof(
        bits(0, 80),
        bits(80, spentAt),
        bits(spentAt, value.length),
        other(
          real,
          cut.map((length) => value.subarray(0, length)),
        ),
        cut.map((length) => ({
          ...real,
          value: value.subarray(0, length),
          spentAt: Math.min(length, spentAt),
        })),
        other(real, fc.constant(Buffer.concat([value, Buffer.of(0)]))),
      );
    });
    const seen = new Set<string>();
    const property = fc.property(changed, fc.subarray([...BITCOIN_PROOFS]), (real, waive) => {
      const outcome = proved(real, waive);
      if (outcome.kind !== "refused") return;
      seen.add(`${outcome.proof} ${outcome.waivable}`);
      const again = proved(real, [...waive, outcome.proof]);
      expect(again.kind === "refused" && again.reason === outcome.reason).toBe(!outcome.waivable);
    });
    fc.assert(property, { numRuns: 1_000 });
    expect([...seen].sort()).toEqual(
      expect.arrayContaining(["header true", "merkle false", "merkle true", "spent false", "work true"]),
    );
  });

  it("passes proofs that are waived, and is refused by those that are not", () => {
    const wrong = flipped(at(757739), 8 * 79);
    expect(proved(wrong, ["header", "work"])).toMatchObject({ kind: "proven" });
    expect(proved(wrong, ["header"])).toMatchObject({ kind: "refused", proof: "work" });
    expect(proved(wrong, ["work"])).toMatchObject({ kind: "refused", proof: "header" });
  });
});
