import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { ETHEREUM_PROOFS, type ProveOutcome } from "../../../ingest/ethereum/prover.ts";
import { decodeRlp, encodeRlp } from "../../../stream/ethereum/rlp.ts";
import { address, bytes, hex, type Json, sign, signerOf, word } from "./synthetic.ts";
import { bodyOf, type Fork, makeBlock, type Synthetic, sixTransactions, taskOf } from "./synthetic-block.ts";

const FORKS: readonly Fork[] = [
  "frontier",
  "byzantium",
  "london",
  "shanghai",
  "cancun",
  "prague",
  "amsterdam",
];

function proven(outcome: ProveOutcome): Extract<ProveOutcome, { kind: "proven" }> {
  if (outcome.kind !== "proven") throw new Error(JSON.stringify(outcome));
  return outcome;
}

const prague = (): Synthetic => makeBlock({ fork: "prague", transactions: sixTransactions() });

test.each(FORKS)("a %s block is proven to the same value from JSON and from raw bytes", (fork) => {
  const made = makeBlock({ fork, transactions: sixTransactions(), ommers: fork === "frontier" ? 2 : 0 });
  const json = proven(proveBody(taskOf(made, "json")));
  const raw = proven(proveBody(taskOf(made, "raw")));
  expect(hex(json.value)).toBe(hex(raw.value));
  expect(json.proofs).toEqual(ETHEREUM_PROOFS);
  expect(raw.proofs).toEqual(ETHEREUM_PROOFS);
  expect(json.header).toEqual(made.expected);
  expect(json.hasBlobGas).toBe(["cancun", "prague", "amsterdam"].includes(fork));
});

test("the value is the list of block, receipts, senders and traces", () => {
  const made = prague();
  const { value } = proven(proveBody(taskOf(made, "json")));
  const [block, receipts, senders, traces] = decodeRlp(value) as Json;
  expect(block).toEqual(decodeRlp(bytes(made.rawBlock)));
  expect(hex(receipts[2])).toBe(made.rawReceipts[2]);
  expect(receipts[0]).toEqual(decodeRlp(bytes(made.rawReceipts[0]!)));
  expect(hex(senders)).toBe(
    `0x${[1, 2, 3, 4, 5, 6].map((secret) => signerOf(secret).address.slice(2)).join("")}`,
  );
  const call = (index: number, to: string): Json => [
    Buffer.from("CALL"),
    bytes(to),
    bytes(address(0x99)),
    new Uint8Array([index]),
  ];
  const created = made.traces[1].result.to;
  expect(JSON.stringify(traces.map(plain))).toBe(
    JSON.stringify(
      [
        [new Uint8Array(0), []],
        [new Uint8Array(0), [call(1, created)]],
        [new Uint8Array(0), [call(2, address(0x0b))]],
        [new Uint8Array([1]), []],
        [new Uint8Array(0), [call(4, address(0x0d))]],
        [new Uint8Array(0), [call(5, address(0x0e))]],
      ].map(plain),
    ),
  );
});

function plain(item: Json): Json {
  return item instanceof Uint8Array ? hex(item) : item.map(plain);
}

test("without traces the value has three parts and no such proof", () => {
  const outcome = proven(proveBody(taskOf(prague(), "json", { traces: false })));
  expect(outcome.proofs).toEqual(ETHEREUM_PROOFS.filter((proof) => proof !== "traces"));
  expect((decodeRlp(outcome.value) as Json).length).toBe(3);
});

test("an empty block is proven", () => {
  const made = makeBlock({ fork: "prague", transactions: [] });
  expect(hex(proven(proveBody(taskOf(made, "json"))).value)).toBe(
    hex(proven(proveBody(taskOf(made, "raw"))).value),
  );
});

const PLACES = [
  [{ height: 1 }, "its number is 1122867, not 1"],
  [{ parent: word(1) }, `its parent is ${word(0xaa)}, not ${word(1)}`],
  [{ time: 1 }, "its time is 1689271691, not 1"],
] as const;

test.each(PLACES)("a block at another place than %j is refused by header", (change, reason) => {
  const made = prague();
  for (const form of ["json", "raw"] as const) {
    const expected = { ...made.expected, ...change } as Synthetic["expected"];
    expect(proveBody(taskOf(made, form, { expected }))).toEqual({
      kind: "refused",
      proof: "header",
      reason,
      waivable: true,
    });
  }
});

test("a header whose hash does not hold names the fields that are not known", () => {
  const made = prague();
  made.block.inclusionListRoot = word(1);
  expect(proveBody(taskOf(made, "json")).kind).toBe("proven");
  made.block.stateRoot = word(1);
  const outcome = proveBody(taskOf(made, "json"));
  expect(outcome).toMatchObject({ kind: "refused", proof: "header" });
  expect(outcome).toHaveProperty(
    "reason",
    expect.stringContaining("fields not known here: inclusionListRoot"),
  );
});

test.each(["frontier", "byzantium"] as const)(
  "a %s block is proven where receipts have both root and status",
  (fork) => {
    const made = makeBlock({ fork, transactions: sixTransactions() });
    const honest = proven(proveBody(taskOf(made, "json")));
    for (const receipt of made.receipts) {
      receipt.root ??= word(7);
      receipt.status ??= "0x1";
    }
    expect(proveBody(taskOf(made, "json"))).toEqual(honest);
  },
);

test("hex of any case is the same block", () => {
  const made = prague();
  const honest = proven(proveBody(taskOf(made, "json")));
  const upper = (json: Json): Json =>
    JSON.parse(
      JSON.stringify(json).replaceAll(/"0x([0-9a-f]+)"/g, (_, digits) => `"0x${digits.toUpperCase()}"`),
    );
  const loud = {
    ...made,
    block: upper(made.block),
    receipts: upper(made.receipts),
    traces: upper(made.traces),
  };
  expect(proveBody(taskOf(loud, "json"))).toEqual(honest);
});

test("an unknown transaction type is named", () => {
  const made = prague();
  made.block.transactions[5].type = "0x5";
  expect(proveBody(taskOf(made, "json"))).toEqual({
    kind: "refused",
    proof: "transactions",
    reason: "transactions[5].type is 5, a transaction type that is not known here",
    waivable: false,
  });
});

test("raw: a legacy transaction wrapped as bytes is no second form of the same block", () => {
  const made = makeBlock({ fork: "byzantium", transactions: sixTransactions().slice(0, 1) });
  const legacy = made.block.transactions[0];
  expect(legacy.type).toBe("0x0");
  const [header, transactions, ommers] = decodeRlp(bytes(made.rawBlock)) as Json;
  const rawBlock = hex(encodeRlp([header, [encodeRlp(transactions[0])], ommers]));
  expect(proveBody(taskOf({ ...made, rawBlock }, "raw"))).toMatchObject({ kind: "refused", proof: "header" });
});

test("signatures for another chain are refused by senders", () => {
  const made = makeBlock({
    fork: "prague",
    transactions: [sign({ type: 2, secret: 1, nonce: 0, to: address(1), chainId: 5 })],
  });
  for (const form of ["json", "raw"] as const) {
    expect(proveBody(taskOf(made, form))).toEqual({
      kind: "refused",
      proof: "senders",
      reason: "the signature of transaction 0 is not valid: it is signed for chain 5, not 1337",
      waivable: true,
    });
  }
});

test("a block before the Merge asks for its ommers' headers, and takes them in any place of the batch", () => {
  const made = makeBlock({ fork: "frontier", transactions: [], ommers: 2 });
  const without = { ...made, ommers: [] };
  expect(proveBody(taskOf(without, "json"))).toEqual({ kind: "ommers", count: 2 });
  const [one, two] = made.ommers;
  const entries = [
    { id: 4, result: two },
    { id: 3, result: one },
    { id: 2, result: [] },
    { id: 1, result: [] },
    { id: 0, result: made.block },
  ];
  expect(proven(proveBody(taskOf(made, "json", { body: bodyOf(entries) }))).value).toEqual(
    proven(proveBody(taskOf(made, "raw"))).value,
  );
});

test.each(["json", "raw"] as const)("%s: a bloom that is not its logs' is refused", (form) => {
  const transactions = sixTransactions();
  const header = makeBlock({ fork: "prague", transactions, header: { logsBloom: `0x${"01".repeat(256)}` } });
  expect(proveBody(taskOf(header, form))).toEqual({
    kind: "refused",
    proof: "bloom",
    reason: "the header has another bloom than the block's logs",
    waivable: true,
  });
  const receipt = makeBlock({ fork: "prague", transactions, blind: 4 });
  expect(proveBody(taskOf(receipt, form))).toEqual({
    kind: "refused",
    proof: "bloom",
    reason: "receipt 4 has another bloom than its logs",
    waivable: true,
  });
  expect(proven(proveBody(taskOf(receipt, form, { waive: ["bloom"] }))).proofs).not.toContain("bloom");
});

test("withdrawals that are waived may miss, and ommers", () => {
  const made = prague();
  delete made.block.withdrawals;
  const outcome = proven(proveBody(taskOf(made, "json", { waive: ["withdrawals"] })));
  expect(outcome.proofs).not.toContain("withdrawals");
  expect((decodeRlp(outcome.value) as Json)[0][3]).toEqual([]);
  const old = makeBlock({ fork: "frontier", transactions: [], ommers: 2 });
  const without = proven(proveBody(taskOf({ ...old, ommers: [] }, "json", { waive: ["ommers"] })));
  expect((decodeRlp(without.value) as Json)[0][2]).toEqual([]);
  const brought = proven(proveBody(taskOf(old, "json", { waive: ["ommers"] })));
  expect(hex(brought.value)).toBe(hex(proven(proveBody(taskOf(old, "raw"))).value));
});
