import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { EthereumBlock } from "../../../stream/ethereum/block.ts";
import { addressAt } from "../../../stream/ethereum/bytes.ts";
import { decodeEthereumBlock, RawValueInvalid } from "../../../stream/ethereum/decode.ts";
import { effectiveGasPrice, gasUsedOf } from "../../../stream/ethereum/fees.ts";
import { checkRlp, decodeRlp, encodeRlp, RlpInvalid, type RlpItem } from "../../../stream/ethereum/rlp.ts";
import { topicAt, WORD_BYTES } from "../../../stream/ethereum/transfers.ts";
import { hex, rawValue } from "../../support/ethereum-story.ts";
import { rawValueOf } from "../../support/raw-value.ts";
import { type Json, readRealBlock, realBlocksAreThere } from "../../support/real-blocks.ts";

const FOLDER = "../shared/data/ethereum/blocks";
/** Blocks whose data lacks signatures or whole transactions at the source. */
const INCOMPLETE = [17173049, 17173050, 21925176];
const heights = realBlocksAreThere
  ? readdirSync(FOLDER)
      .filter((name) => name.endsWith(".receipts.json.gz"))
      .map((name) => Number.parseInt(name, 10))
      .filter((height) => !INCOMPLETE.includes(height))
      .sort((one, other) => one - other)
  : [];

describe.skipIf(!realBlocksAreThere)("real blocks (need the data set beside the project)", () => {
  test.each(heights)("block %i decodes to what its node printed", (height) => {
    const real = readRealBlock(height);
    const block = decodeEthereumBlock(rawValueOf(real, ommersOf(height)), keccak256);
    const gasUsed = gasUsedOf(block.receipts);
    const baseFee = block.header.baseFeePerGas ?? 0n;
    expect({ ...block.header, hash: block.header.hash() }).toEqual({
      hash: real.block.hash,
      parent: real.block["parentHash"],
      height,
      time: Number(real.block["timestamp"]),
      feeRecipient: real.block["miner"],
      difficulty: BigInt(String(real.block["difficulty"])),
      baseFeePerGas: bigintField(real.block["baseFeePerGas"]),
      excessBlobGas: bigintField(real.block["excessBlobGas"]),
      slotNumber: undefined,
    });
    block.transactions.forEach((view, index) => {
      const transaction = view.read();
      const [json, receipt] = [real.block.transactions[index]!, real.receipts[index]!];
      expect(view.hash()).toBe(json["hash"]);
      expect(transaction.sender).toBe(json["from"]);
      expect(transaction.to).toBe(json["to"] ?? undefined);
      expect(transaction.value).toBe(BigInt(String(json["value"])));
      expect(transaction.nonce).toBe(BigInt(String(json["nonce"])));
      expect(transaction.type).toBe(Number(json["type"] ?? 0));
      expect(transaction.blobCount).toBe(
        ((json["blobVersionedHashes"] as unknown[] | undefined) ?? []).length,
      );
      expect(gasUsed[index]).toBe(BigInt(String(receipt["gasUsed"])));
      const price = receipt["effectiveGasPrice"] ?? json["gasPrice"];
      expect(effectiveGasPrice(transaction, baseFee)).toBe(BigInt(String(price)));
      expect(block.receipts[index]?.status).toBe(
        receipt["status"] === undefined ? undefined : Number(receipt["status"]),
      );
      const logs = block.receipts[index]?.logs.map((log) => [
        addressAt(block.bytes, log.emitterAt),
        Array.from({ length: log.topicCount }, (_, topic) => hexAt(block, topicAt(log, topic), WORD_BYTES)),
        hexAt(block, log.dataAt, log.dataBytes),
      ]);
      const printed = (receipt["logs"] as Json[]).map((log) => [log["address"], log["topics"], log["data"]]);
      expect(logs).toEqual(printed);
    });
    const withdrawals = (real.block["withdrawals"] ?? []) as Json[];
    expect(block.withdrawals).toEqual(
      withdrawals.map((one) => ({
        index: BigInt(String(one["index"])),
        validatorIndex: BigInt(String(one["validatorIndex"])),
        address: one["address"],
        amountGwei: BigInt(String(one["amount"])),
      })),
    );
    expect(block.traces === undefined).toBe(real.traces === undefined || !Array.isArray(real.traces));
  });
});

const none = new Uint8Array(0);
const parts = (value: Uint8Array, change: (parts: RlpItem[]) => RlpItem[]): Uint8Array =>
  encodeRlp(change([...(decodeRlp(value) as readonly RlpItem[])]));

test("the check refuses just what can't be decoded", () => {
  const { item } = fc.letrec<{ item: RlpItem }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 3 },
      fc.uint8Array({ maxLength: 70 }),
      fc.array(tie("item"), { maxLength: 5 }),
    ),
  }));
  const damaged = fc
    .tuple(item, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 2 }))
    .map(([whole, place, bytes]) => {
      const encoded = encodeRlp(whole);
      const larger = new Uint8Array(encoded.length + bytes.length - 1);
      larger.set(encoded);
      larger.set(bytes, place % encoded.length);
      return larger;
    });
  const bytes = fc.oneof(damaged, item.map(encodeRlp), fc.uint8Array({ maxLength: 5 }));
  fc.assert(
    fc.property(bytes, (one) => {
      const framed = Uint8Array.of(0x10, ...one, 0x10);
      expect(refusalOf(() => checkRlp(framed, 1, one.length + 1))).toBe(refusalOf(() => decodeRlp(one)));
    }),
    { numRuns: 20_000 },
  );
});

function refusalOf(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(RlpInvalid);
    return true;
  }
}

test("a value of something else is refused", () => {
  expect(() => decodeEthereumBlock(none, keccak256)).toThrow(RlpInvalid);
  expect(() => decodeEthereumBlock(encodeRlp(none), keccak256)).toThrow(
    "the whole of an ethereum.v1 value lacks a list",
  );
  expect(() => decodeEthereumBlock(encodeRlp([]), keccak256)).toThrow(RawValueInvalid);
});

test("receipts, senders and traces must be as many as the transactions", () => {
  const value = rawValue({ traced: true, transactions: [{}, {}] });
  const refuse = (change: (parts: RlpItem[]) => RlpItem[]) => () =>
    decodeEthereumBlock(parts(value, change), keccak256);
  expect(decodeEthereumBlock(value, keccak256).transactions).toHaveLength(2);
  expect(
    refuse(([block, receipts, senders, traces]) => [
      block!,
      [(receipts as readonly RlpItem[])[0]!],
      senders!,
      traces!,
    ]),
  ).toThrow("the receipts of an ethereum.v1 value are 1 where the block has 2 transactions");
  expect(refuse(([block, receipts, , traces]) => [block!, receipts!, new Uint8Array(39), traces!])).toThrow(
    "the senders of an ethereum.v1 value end before transaction 1",
  );
  expect(refuse(([block, receipts, senders]) => [block!, receipts!, senders!, []])).toThrow(
    "the traces of an ethereum.v1 value are 0",
  );
});

test("a transaction type that nobody knows is refused", () => {
  expect(() => decodeEthereumBlock(rawValue({ transactions: [{ type: 5 }] }), keccak256)).toThrow(
    "of the unknown type 5",
  );
});

test("a view into a larger buffer is decoded as itself", () => {
  const value = rawValue({ height: 7, transactions: [{ value: 5n }] });
  const larger = Buffer.concat([Buffer.from([1, 2, 3]), value, Buffer.from([4])]);
  const block = decodeEthereumBlock(larger.subarray(3, 3 + value.length), keccak256);
  expect(block.header.height).toBe(7);
  expect(block.transactions[0]?.read().value).toBe(5n);
});

function hexAt({ bytes }: EthereumBlock, at: number, length: number): string {
  return hex(bytes.subarray(at, at + length));
}

function ommersOf(height: number): readonly Json[] {
  const path = `${FOLDER}/${height}.uncles.json.gz`;
  return existsSync(path) ? (JSON.parse(gunzipSync(readFileSync(path)).toString()) as Json[]) : [];
}

function bigintField(value: unknown): bigint | undefined {
  return value === undefined || value === null ? undefined : BigInt(String(value));
}
