import { expect, test } from "vitest";
import { encodeBlock } from "../../../ingest/ethereum/encode-block.ts";
import { encodeHeader, unknownHeaderFields } from "../../../ingest/ethereum/encode-header.ts";
import { encodeReceipts } from "../../../ingest/ethereum/encode-receipt.ts";
import { address, hex, type Json, sign, word } from "./synthetic.ts";
import { type Fork, makeBlock, sixTransactions } from "./synthetic-block.ts";

const FORKS: readonly Fork[] = [
  "frontier",
  "byzantium",
  "london",
  "shanghai",
  "cancun",
  "prague",
  "amsterdam",
];

test.each(FORKS)("a %s block and its receipts encode to their consensus bytes", (fork) => {
  const made = makeBlock({ fork, transactions: sixTransactions(), ommers: 2 });
  expect(hex(encodeBlock(made.block, { ommers: made.ommers }))).toBe(made.rawBlock);
  expect(encodeReceipts(made.receipts).map(hex)).toEqual(made.rawReceipts);
});

test("an empty block encodes, and so does one whose bytes outgrow the first buffer", () => {
  const empty = makeBlock({ fork: "prague", transactions: [] });
  expect(hex(encodeBlock(empty.block))).toBe(empty.rawBlock);
  const input = `0x${"5a".repeat(300_000)}`;
  const large = makeBlock({
    fork: "prague",
    transactions: [sign({ type: 2, secret: 1, nonce: 1, to: address(1), input })],
  });
  expect(hex(encodeBlock(large.block))).toBe(large.rawBlock);
});

const APPENDED = [
  "baseFeePerGas",
  "withdrawalsRoot",
  "blobGasUsed",
  "excessBlobGas",
  "parentBeaconBlockRoot",
  "requestsHash",
  "blockAccessListHash",
];

test.each(APPENDED)("a header with a hole at %s is refused", (name) => {
  const { block } = makeBlock({ fork: "amsterdam", transactions: [] });
  expect(() => encodeHeader({ ...block, [name]: undefined })).toThrow(`${name} is missing before slotNumber`);
  expect(() => encodeHeader({ ...block, [name]: null })).toThrow(`${name} is missing before slotNumber`);
});

test("a header's unknown fields are named, its known ones and what stands beside them are not", () => {
  const { block } = makeBlock({ fork: "amsterdam", transactions: [] });
  expect(unknownHeaderFields({ ...block, totalDifficulty: "0x1" })).toEqual([]);
  expect(unknownHeaderFields({ ...block, inclusionListRoot: word(1) })).toEqual(["inclusionListRoot"]);
});

const quantityFaults: readonly (readonly [unknown, string])[] = [
  [undefined, "number is missing"],
  [null, "number is missing"],
  [17, "number is 17, not a 0x text"],
  ["17", 'number is "17", not a 0x text'],
  ["0x", 'number is "0x", not a quantity'],
  ["0x01", 'number is "0x01", not a quantity'],
  ["0x00", 'number is "0x00", not a quantity'],
  ["0x1g", 'number is "0x1g", not hexadecimal'],
  ["0x10000000000000000", 'number is "0x10000000000000000", more than 8 bytes hold'],
  [{ a: 1 }, 'number is {"a":1}, not a 0x text'],
];

test.each(quantityFaults)("a quantity %j is refused", (value, message) => {
  const { block } = makeBlock({ fork: "prague", transactions: [] });
  expect(() => encodeHeader({ ...block, number: value })).toThrow(message);
});

test("the largest quantities that fit are taken", () => {
  const { block } = makeBlock({ fork: "prague", transactions: [] });
  const header = hex(
    encodeHeader({ ...block, number: "0xffffffffffffffff", difficulty: `0x${"f".repeat(64)}` }),
  );
  expect(header).toContain(`a0${"f".repeat(64)}88${"f".repeat(16)}`);
});

const dataFaults: readonly (readonly [unknown, string])[] = [
  [undefined, "miner is missing"],
  ["0xabc", "miner has an odd number of digits"],
  ["0xabcd", "miner has 2 bytes instead of 20"],
  [`0x${"zz".repeat(20)}`, "not hexadecimal"],
  ["ab".repeat(21), "not a 0x text"],
];

test.each(dataFaults)("data %j is refused", (value, message) => {
  const { block } = makeBlock({ fork: "prague", transactions: [] });
  expect(() => encodeHeader({ ...block, miner: value })).toThrow(message);
});

test("long data with a digit that is none is refused", () => {
  const { block } = makeBlock({ fork: "prague", transactions: [] });
  expect(() => encodeHeader({ ...block, extraData: `0x${"ab".repeat(60)}zz` })).toThrow(
    "extraData is not hexadecimal",
  );
});

test("upper-case digits are the same bytes", () => {
  const { block, rawBlock } = makeBlock({ fork: "prague", transactions: [] });
  const loud = { ...block, miner: `0x${block.miner.slice(2).toUpperCase()}` };
  expect(hex(encodeBlock(loud))).toBe(rawBlock);
});

function withTransaction(change: Json): Json {
  const { block } = makeBlock({ fork: "prague", transactions: sixTransactions() });
  block.transactions[3] = { ...block.transactions[3], ...change };
  return block;
}

const transactionFaults: readonly (readonly [Json, string])[] = [
  [{ type: "0x5" }, "transactions[3].type is 5, a transaction type that is not known here"],
  [{ type: "0x7e" }, "transactions[3].type is 126, a transaction type that is not known here"],
  [{ gas: undefined }, "transactions[3].gas is missing"],
  [{ to: "0x1234" }, "transactions[3].to has 2 bytes instead of 20"],
  [{ accessList: undefined }, "transactions[3].accessList is undefined, not a list"],
  [
    { accessList: [{ address: address(1), storageKeys: [word(1), "0x12"] }] },
    "transactions[3].accessList[0].storageKeys[1] has 1 bytes instead of 32",
  ],
  [{ accessList: [7] }, "transactions[3].accessList[0] is 7, not an object"],
  [{ yParity: undefined, v: undefined }, "transactions[3].yParity is missing"],
];

test.each(transactionFaults)("a transaction with %j is refused by name", (change, message) => {
  expect(() => encodeBlock(withTransaction(change))).toThrow(message);
});

test("signatures may have leading zeros, parity may be called v, and null there is zero", () => {
  const made = makeBlock({ fork: "prague", transactions: sixTransactions() });
  for (const one of made.block.transactions) {
    one.r = `0x${one.r.slice(2).padStart(64, "0")}`;
    if (one.yParity === undefined) continue;
    one.v = one.yParity === "0x0" ? null : one.yParity;
    one.yParity = undefined;
  }
  expect(hex(encodeBlock(made.block))).toBe(made.rawBlock);
});

test("withdrawals that miss under a header with their root are an error, or empty where that is allowed", () => {
  const made = makeBlock({ fork: "shanghai", transactions: [] });
  const block = { ...made.block, withdrawals: undefined };
  expect(() => encodeBlock(block)).toThrow("withdrawals is undefined, not a list");
  expect(hex(encodeBlock(block, { withdrawalsMayMiss: true })).endsWith("c0c0c0")).toBe(true);
  const old = makeBlock({ fork: "london", transactions: [] });
  expect(() => encodeBlock({ ...old.block, withdrawals: [] })).toThrow("are there without a withdrawalsRoot");
});

test("ommers are as many as the block names", () => {
  const made = makeBlock({ fork: "byzantium", transactions: [], ommers: 1 });
  expect(() => encodeBlock(made.block)).toThrow("uncles are 1, and the headers of 0 are there");
});

const receiptFaults: readonly (readonly [Json, string])[] = [
  [{ status: "0x2" }, "receipts[2].status is 0x2, not 0x0 or 0x1"],
  [{ status: undefined }, "receipts[2].status is missing, and so is root"],
  [{ logs: null }, "receipts[2].logs is null, not a list"],
  [
    { logs: [{ address: address(1), topics: Array(5).fill(word(1)), data: "0x" }] },
    "receipts[2].logs[0].topics are 5, more than 4",
  ],
  [
    { logs: [{ address: address(1), topics: ["0x12"], data: "0x" }] },
    "receipts[2].logs[0].topics[0] has 1 bytes instead of 32",
  ],
  [{ type: "0x9" }, "receipts[2].type is 9, a transaction type that is not known here"],
];

test.each(receiptFaults)("a receipt with %j is refused by name", (change, message) => {
  const { receipts } = makeBlock({ fork: "prague", transactions: sixTransactions() });
  receipts[2] = { ...receipts[2], ...change };
  expect(() => encodeReceipts(receipts)).toThrow(message);
});
