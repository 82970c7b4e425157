import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { txidOf, withoutWitness, withWitness } from "../../../stream/bitcoin/block.ts";
import { displayHash } from "../../../stream/bitcoin/bytes.ts";
import {
  BlockMalformed,
  decodeRawBlock,
  inputsOf,
  MAX_MONEY,
  outputsOf,
  parseBlock,
  witnessesOf,
} from "../../../stream/bitcoin/parse.ts";
import { fromHex, HASHES, toHex } from "./hashes.ts";
import { type BlockStory, blockBytes, counted, finalStory, outputBytes } from "./story.ts";

/** Block 0, as every node holds it, and its spent outputs. */
const GENESIS =
  "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c" +
  "0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";
const HEADER_HEX = GENESIS.slice(0, 160);
const COINBASE_HEX = GENESIS.slice(162);

const script = fromHex("51");
const story: BlockStory = {
  coinbase: [{ value: 50, script }],
  transactions: [
    { spends: [{ value: 9, script }], outputs: [{ value: 8, script }] },
    {
      spends: [
        { value: 3, script },
        { value: 4, script },
      ],
      outputs: [
        { value: 0, script },
        { value: 7, script },
      ],
      witness: true,
    },
  ],
};
const raw = finalStory(story).value;

/** What a parser says of bytes. */
function faultOf(read: () => unknown): readonly [string, number] | "fine" {
  try {
    read();
    return "fine";
  } catch (error) {
    if (!(error instanceof BlockMalformed)) throw error;
    return [error.message.replace(/^malformed block at byte \d+: /, ""), error.at];
  }
}

/** Block 0 with another list of transactions, all as hex. */
const withTransactions = (count: string, ...transactions: readonly string[]) =>
  faultOf(() => parseBlock(fromHex(HEADER_HEX + count + transactions.join(""))));
const hex = (...parts: readonly string[]) => parts.join("");
const INPUT = `${"ab".repeat(32)}0000000000ffffffff`;
const OUTPUT = "010000000000000000";
const PLAIN = hex("02000000", `01${INPUT}`, `01${OUTPUT}`, "00000000");

describe("a block taken apart", () => {
  test("block 0 and its empty list of spent outputs", () => {
    const { block, spent } = decodeRawBlock(fromHex(`${GENESIS}0100`));
    const { parent, merkleRoot, ...numbers } = block.header;
    expect(numbers).toEqual({ version: 1, time: 1231006505, bits: 0x1d00ffff, nonce: 2083236893 });
    expect(displayHash(parent)).toBe("0".repeat(64));
    const [coinbase] = block.transactions;
    expect(txidOf(block, coinbase!, HASHES.sha256)).toBe(displayHash(merkleRoot));
    expect(coinbase).toMatchObject({
      start: 81,
      inputCount: 1,
      hasWitness: false,
      total: 5_000_000_000,
      end: 285,
    });
    const [input] = inputsOf(block, coinbase!);
    expect(Buffer.from(block.bytes.subarray(input!.scriptAt, input!.scriptEnd)).toString("latin1")).toContain(
      "Chancellor on brink of second bailout for banks",
    );
    expect(spent).toEqual([{ outputsAt: 286, total: 0 }]);
    expect(outputsOf(block, spent[0]!)).toEqual([]);
  });

  test("inputs, outputs, witnesses and spent outputs stand where the offsets say", () => {
    const { block, spent } = decodeRawBlock(raw);
    expect(block.transactions.map((tx) => [tx.inputCount, tx.total, tx.hasWitness])).toEqual([
      [1, 50, false],
      [1, 8, false],
      [2, 7, true],
    ]);
    expect(
      spent.map((entry) => [outputsOf(block, entry).map((output) => output.value), entry.total]),
    ).toEqual([
      [[], 0],
      [[9], 9],
      [[3, 4], 7],
    ]);
    const last = block.transactions[2]!;
    expect(
      inputsOf(block, last).map(({ prevoutAt }) => toHex(raw.subarray(prevoutAt, prevoutAt + 36))),
    ).toEqual([`${"02".repeat(32)}00000000`, `${"02".repeat(32)}01000000`]);
    expect(witnessesOf(block, last).map((items) => items.map(toHex))).toEqual([
      ["07".repeat(32)],
      ["07".repeat(32)],
    ]);
    expect(witnessesOf(block, block.transactions[1]!)).toEqual([]);
  });

  test("what the txid hashes is the transaction as it would be without its witness", () => {
    const block = parseBlock(raw);
    const plain = blockBytes({
      ...story,
      transactions: story.transactions!.map((tx) => ({ ...tx, witness: false })),
    });
    const bare = parseBlock(plain);
    for (const [index, tx] of block.transactions.entries()) {
      const same = bare.transactions[index]!;
      expect(toHex(withoutWitness(block, tx))).toBe(toHex(plain.subarray(same.start, same.end)));
    }
    const { start, end } = block.transactions[2]!;
    expect(toHex(withWitness(block, block.transactions[2]!))).toBe(toHex(raw.subarray(start, end)));
  });

  test("counts of all widths", () => {
    for (const size of [0xfc, 0xfd, 0xffff, 0x10000]) {
      const wide = { coinbase: [{ value: 1, script: new Uint8Array(size) }] };
      const { block } = decodeRawBlock(finalStory(wide).value);
      const [output] = outputsOf(block, block.transactions[0]!);
      expect(output!.scriptEnd - output!.scriptAt).toBe(size);
    }
  });
});

describe("what is refused, as Bitcoin Core does", () => {
  test("every truncation, and every byte too many", () => {
    for (let end = 0; end < raw.length; end += 1) {
      expect(faultOf(() => decodeRawBlock(raw.subarray(0, end)))).toEqual(["cut off", end]);
    }
    const longer = Uint8Array.of(...raw, 0);
    expect(faultOf(() => decodeRawBlock(longer))).toEqual(["trailing bytes", raw.length]);
  });

  test("a missing, extra or shifted spent output", () => {
    const block = blockBytes(story);
    const outputs = (...values: readonly number[]) =>
      counted(values.map((value) => outputBytes({ value, script })));
    const fault = (...lists: readonly Uint8Array[]) =>
      faultOf(() => decodeRawBlock(Buffer.concat([block, counted(lists)])));
    expect(fault(outputs(), outputs(9), outputs(3, 4))).toBe("fine");
    const at = block.length;
    // Behind the number of lists, an empty one takes a byte, and one of one output eleven.
    expect(fault(outputs(), outputs(9), outputs(3))).toEqual([
      "1 spent outputs for 2 inputs of transaction 2",
      at + 1 + 1 + 11,
    ]);
    expect(fault(outputs(), outputs(9, 3), outputs(4))).toEqual([
      "2 spent outputs for 1 inputs of transaction 1",
      at + 1 + 1,
    ]);
    expect(fault(outputs(1), outputs(9), outputs(3, 4))).toEqual([
      "1 spent outputs for 0 inputs of transaction 0",
      at + 1,
    ]);
    expect(fault(outputs(9), outputs(3, 4))).toEqual(["spent outputs of 2 transactions in a block of 3", at]);
  });

  test("far more spent outputs than inputs, before they are read", () => {
    const block = blockBytes(story);
    // Read, they would be refused for what they hold.
    const bytes = Buffer.alloc(64 << 20, 0xff);
    const claims = (...parts: readonly Uint8Array[]) => Buffer.concat([block, ...parts, bytes]);
    const most = fromHex("fe00000002");
    const [ofBlock, ofTransaction] = [claims(most), claims(Buffer.of(3, 0), most)];
    expect([ofBlock, ofTransaction].map((claim) => faultOf(() => decodeRawBlock(claim)))).toEqual([
      [`spent outputs of ${0x02000000} transactions in a block of 3`, block.length],
      [`${0x02000000} spent outputs for 1 inputs of transaction 1`, block.length + 2],
    ]);
  });

  test("no transaction, no coinbase, a second coinbase", () => {
    expect(withTransactions("00")).toEqual(["a block has no transaction", 80]);
    expect(withTransactions("01", COINBASE_HEX)).toBe("fine");
    expect(withTransactions("01", PLAIN)).toEqual(["the first transaction is no coinbase", 86]);
    const twoInputs = COINBASE_HEX.replace("01000000010000", "01000000020000");
    expect(withTransactions("01", twoInputs)).toEqual(["the first transaction is no coinbase", 85]);
    expect(withTransactions("02", COINBASE_HEX, COINBASE_HEX)).toEqual([
      "an input spends no output, as only a coinbase's does",
      290,
    ]);
    const zeros = PLAIN.replace("ab".repeat(32), "00".repeat(32));
    expect(withTransactions("02", COINBASE_HEX, zeros)).toBe("fine");
  });

  test("no inputs, no outputs, an unknown flag, a witness that is not there", () => {
    const second = (tx: string) => withTransactions("02", COINBASE_HEX, tx);
    expect(second(PLAIN)).toBe("fine");
    expect(second(hex("02000000", "00", "00", "00000000"))).toEqual([
      "a transaction has no input, or a witness mark without the flag 1",
      289,
    ]);
    expect(second(hex("02000000", "0002", `01${INPUT}`, `01${OUTPUT}`, "0101aa", "00000000"))).toEqual([
      "a transaction has no input, or a witness mark without the flag 1",
      289,
    ]);
    expect(second(hex("02000000", "0001", "00", `01${OUTPUT}`, "00000000"))).toEqual([
      "a transaction has no input",
      291,
    ]);
    expect(second(hex("02000000", `01${INPUT}`, "00", "00000000"))).toEqual([
      "a transaction has no output",
      331,
    ]);
    const marked = hex("02000000", "0001", `01${INPUT}`, `01${OUTPUT}`);
    expect(second(`${marked}0101aa00000000`)).toBe("fine");
    expect(second(`${marked}0000000000`)).toEqual([
      "a transaction is marked as having a witness and has none",
      343,
    ]);
  });

  test("counts that are not in their shortest form, or too large", () => {
    for (const long of [
      "fd0100",
      "fe01000000",
      "ff0100000000000000",
      "fdfc00",
      "feffff0000",
      "ffffffffff00000000",
    ]) {
      expect(withTransactions(long, COINBASE_HEX)).toEqual(["a count is not in its shortest form", 80]);
    }
    for (const large of ["fe01000002", "ff0000000001000000", "ffffffffffffffffff"]) {
      expect(withTransactions(large, COINBASE_HEX)).toEqual(["a count is too large", 80]);
    }
  });

  test("values below zero, above 21 million BTC, and sums above it", () => {
    const pays = (...values: readonly number[]) =>
      faultOf(() => parseBlock(blockBytes({ coinbase: values.map((value) => ({ value, script })) })));
    const fault = "values are negative or above 21 million BTC";
    expect(pays(MAX_MONEY)).toBe("fine");
    expect(pays(MAX_MONEY + 1)).toEqual([fault, 129]);
    expect(pays(-1)).toEqual([fault, 129]);
    expect(pays(MAX_MONEY, 1)).toEqual([fault, 139]);
    const spends = [{ value: MAX_MONEY + 1, script }];
    const rich = { ...story, transactions: [{ spends, outputs: [{ value: 1, script }] }] };
    expect(faultOf(() => decodeRawBlock(finalStory(rich).value))).toEqual([
      fault,
      blockBytes(rich).length + 3,
    ]);
  });

  test("never anything but a block or a fault, whatever the bytes", () => {
    const mutation = fc.tuple(fc.nat(raw.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const bytes = Uint8Array.from(raw);
        for (const [at, byte] of mutations) bytes[at] = byte;
        const fault = faultOf(() => decodeRawBlock(bytes));
        expect(fault === "fine" || fault.length === 2).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
