import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import type { EthereumProof } from "../../../ingest/ethereum/prover.ts";
import { address, type Json, sign, word } from "./synthetic.ts";
import { makeBlock, type Synthetic, sixTransactions, taskOf } from "./synthetic-block.ts";

const prague = (): Synthetic => makeBlock({ fork: "prague", transactions: sixTransactions() });

/** A lie about a block, and the proof that refuses it. */
type Lie = readonly [string, EthereumProof, (made: Synthetic) => unknown];

const other = (): Synthetic => {
  const [first, ...rest] = sixTransactions();
  const changed = sign({ type: 0, secret: 1, nonce: 1, to: address(0x0a), value: 8n });
  return makeBlock({ fork: "prague", transactions: first === undefined ? rest : [changed, ...rest] });
};

const LIES: readonly Lie[] = [
  ["another state root", "header", (made) => Object.assign(made.block, { stateRoot: word(9) })],
  ["a missing header field", "header", (made) => delete made.block.mixHash],
  ["a later header field without an earlier one", "header", (made) => delete made.block.withdrawalsRoot],
  ["the last header field missing", "header", (made) => delete made.block.requestsHash],
  [
    "a relabelled block",
    "header",
    (made) => Object.assign(made.block, other().block, { hash: made.block.hash }),
  ],
  ["another hash beside the right header", "header", (made) => Object.assign(made.block, { hash: word(1) })],
  ["swapped transactions", "transactions", (made) => made.block.transactions.reverse()],
  [
    "hashes instead of transactions",
    "transactions",
    (made) =>
      Object.assign(made.block, { transactions: made.block.transactions.map((one: Json) => one.hash) }),
  ],
  ["a missing transaction field", "transactions", (made) => delete made.block.transactions[2].gasPrice],
  ["a transaction's amount altered", "transactions", (made) => (made.block.transactions[3].value = "0x1")],
  ["a dropped transaction", "transactions", (made) => made.block.transactions.pop()],
  [
    "another transaction's hash",
    "transactions",
    (made) => Object.assign(made.block.transactions[0], { hash: word(1) }),
  ],
  [
    "a transaction at another index",
    "transactions",
    (made) => (made.block.transactions[0].transactionIndex = "0x1"),
  ],
  [
    "a transaction of another block",
    "transactions",
    (made) => (made.block.transactions[0].blockHash = word(1)),
  ],
  [
    "a withdrawal's amount altered",
    "withdrawals",
    (made) => Object.assign(made.block.withdrawals[0], { amount: "0x1" }),
  ],
  ["withdrawals missing", "withdrawals", (made) => delete made.block.withdrawals],
  ["a withdrawal more", "withdrawals", (made) => made.block.withdrawals.push(made.block.withdrawals[0])],
  [
    "ommers that are not the header's",
    "ommers",
    (made) =>
      void Object.assign(
        made,
        { ommers: [{ ...made.block }] },
        { block: { ...made.block, uncles: [word(1)] } },
      ),
  ],
  ["a list of ommers missing", "ommers", (made) => delete made.block.uncles],
  ["a dropped receipt", "count", (made) => made.receipts.pop()],
  ["a doubled receipt", "count", (made) => made.receipts.push(made.receipts[5])],
  ["no receipts", "count", (made) => Object.assign(made, { receipts: [] })],
  ["null receipts", "receipts", (made) => Object.assign(made, { receipts: null })],
  ["a missing log", "receipts", (made) => made.receipts[4].logs.pop()],
  ["an extra log", "receipts", (made) => made.receipts[4].logs.push(made.receipts[4].logs[0])],
  [
    "an altered log",
    "receipts",
    (made) => Object.assign(made.receipts[4].logs[2], { data: `0x${"20".repeat(40)}` }),
  ],
  ["swapped logs", "receipts", (made) => made.receipts[4].logs.reverse()],
  ["an altered status", "receipts", (made) => Object.assign(made.receipts[0], { status: "0x0" })],
  ["an altered gas", "receipts", (made) => Object.assign(made.receipts[0], { cumulativeGasUsed: "0x5209" })],
  ["swapped receipts", "receipts", (made) => made.receipts.reverse()],
  ["a receipt's missing field", "receipts", (made) => delete made.receipts[1].logsBloom],
  ["a log's missing field", "receipts", (made) => delete made.receipts[4].logs[0].topics],
  ["receipts of another block", "receipts", (made) => Object.assign(made, { receipts: other().receipts })],
  ["a receipt of another transaction", "receipts", (made) => (made.receipts[1].transactionHash = word(1))],
  [
    "a receipt of another block's hash",
    "receipts",
    (made) => Object.assign(made.receipts[1], { blockHash: word(1) }),
  ],
  [
    "a gap in the log indexes",
    "logs",
    (made) => Object.assign(made.receipts[4].logs[2], { logIndex: "0x63" }),
  ],
  ["a log without its index", "logs", (made) => delete made.receipts[4].logs[2].logIndex],
  ["a log of another transaction", "logs", (made) => (made.receipts[4].logs[2].transactionHash = word(1))],
  ["a log that was removed", "logs", (made) => Object.assign(made.receipts[4].logs[2], { removed: true })],
  ["a wrong sender", "senders", (made) => Object.assign(made.block.transactions[1], { from: address(1) })],
  ["a missing sender", "senders", (made) => delete made.block.transactions[1].from],
  ["null traces", "traces", (made) => Object.assign(made, { traces: null })],
  ["a dropped trace", "traces", (made) => made.traces.pop()],
  ["a trace that names no transaction among those that do", "traces", (made) => delete made.traces[2].txHash],
  ["swapped traces", "traces", (made) => made.traces.reverse()],
  ["traces of another block", "traces", (made) => Object.assign(made, { traces: other().traces })],
];

test.each(LIES)("%s is refused by %s", (_name, proof, lie) => {
  const made = prague();
  lie(made);
  expect(proveBody(taskOf(made, "json"))).toMatchObject({ kind: "refused", proof });
});

test("receipts of another fork that are relabelled as ours are refused", () => {
  const made = prague();
  const receipts = other().receipts;
  for (const [index, receipt] of receipts.entries()) {
    const { blockHash, transactionHash } = made.receipts[index];
    Object.assign(receipt, { blockHash, transactionHash });
    for (const log of receipt.logs) Object.assign(log, { blockHash, transactionHash });
  }
  receipts[0].cumulativeGasUsed = "0x5207";
  expect(proveBody(taskOf({ ...made, receipts }, "json"))).toMatchObject({
    kind: "refused",
    proof: "receipts",
  });
});

const RAW_LIES: readonly Lie[] = [
  ["another block", "header", (made) => Object.assign(made, { rawBlock: other().rawBlock })],
  ["a block cut off", "header", (made) => Object.assign(made, { rawBlock: made.rawBlock.slice(0, -2) })],
  ["no text", "header", (made) => Object.assign(made, { rawBlock: 7 })],
  [
    "receipts of another block",
    "receipts",
    (made) => Object.assign(made, { rawReceipts: made.rawReceipts.toReversed() }),
  ],
  ["the empty list of an unknown block", "count", (made) => Object.assign(made, { rawReceipts: [] })],
  ["null receipts", "receipts", (made) => Object.assign(made, { rawReceipts: null })],
  [
    "a receipt that is no text",
    "receipts",
    (made) => Object.assign(made, { rawReceipts: [null, ...made.rawReceipts.slice(1)] }),
  ],
];

test.each(RAW_LIES)("raw: %s is refused by %s", (_name, proof, lie) => {
  const made = prague();
  lie(made);
  const refused = proveBody(taskOf(made, "raw"));
  expect(refused).toMatchObject({ kind: "refused", proof });
  // Without traces the answer's byte strings are read another way.
  expect(proveBody(taskOf(made, "raw", { traces: false }))).toEqual(refused);
});
