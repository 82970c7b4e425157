import fc from "fast-check";
import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import type { ProveOutcome } from "../../../ingest/ethereum/prover.ts";
import { bodyOf, makeBlock, sixTransactions, taskOf } from "./synthetic-block.ts";

const made = makeBlock({ fork: "prague", transactions: sixTransactions() });
const block = { jsonrpc: "2.0", id: 0, result: made.block };
const receipts = { jsonrpc: "2.0", id: 1, result: made.receipts };
const traces = { jsonrpc: "2.0", id: 2, result: made.traces };
const rawBlock = { id: 0, result: made.rawBlock };
const rawReceipts = { id: 1, result: made.rawReceipts };

/** The traces with another answer for the second transaction. */
const withTrace = (other: object): readonly unknown[] =>
  made.traces.map((trace: { txHash: string }, index: number) =>
    index === 1 ? { txHash: trace.txHash, ...other } : trace,
  );

const answered = (form: "json" | "raw", value: unknown): ProveOutcome =>
  proveBody(taskOf(made, form, { body: bodyOf(value) }));

const failing = (id: number | null, code: number, message: string): unknown => ({
  id,
  error: { code, message },
});

test("entries in any order are the same answer", () => {
  const honest = proveBody(taskOf(made, "json"));
  expect(honest.kind).toBe("proven");
  fc.assert(
    fc.property(fc.shuffledSubarray([block, receipts, traces], { minLength: 3 }), (entries) => {
      expect(answered("json", entries)).toEqual(honest);
    }),
  );
});

const OUTCOMES: readonly (readonly [string, "json" | "raw", unknown, ProveOutcome])[] = [
  ["HTML", "json", "<html>502</html>", { kind: "outage", reason: "the answer is not JSON" }],
  ["nothing", "json", "", { kind: "outage", reason: "the answer is not JSON" }],
  [
    "truncated JSON",
    "json",
    JSON.stringify([block, receipts]).slice(0, -9),
    { kind: "outage", reason: "the answer is not JSON" },
  ],
  ["a number", "json", 5, { kind: "outage", reason: "the answer is neither a batch nor an error" }],
  ["null", "json", null, { kind: "outage", reason: "the answer is neither a batch nor an error" }],
  ["an object", "json", {}, { kind: "outage", reason: "the answer is neither a batch nor an error" }],
  ["no entries", "json", [], { kind: "outage", reason: "the answer lacks the block's entry" }],
  [
    "a short batch without the block",
    "json",
    [receipts, traces],
    { kind: "outage", reason: "the answer lacks the block's entry" },
  ],
  [
    "a short batch without receipts",
    "json",
    [block, traces],
    { kind: "refused", proof: "receipts", reason: "there is no answer", waivable: false },
  ],
  [
    "a short batch without traces",
    "json",
    [block, receipts],
    { kind: "refused", proof: "traces", reason: "there is no answer", waivable: false },
  ],
  [
    "a doubled entry",
    "json",
    [block, receipts, receipts],
    { kind: "outage", reason: "the answer has two entries for id 1" },
  ],
  [
    "an entry of nobody",
    "json",
    [block, { id: 17, result: 1 }],
    { kind: "outage", reason: "the answer has an entry without an id of ours" },
  ],
  [
    "an entry that is none",
    "json",
    [block, 5],
    { kind: "outage", reason: "the answer has an entry without an id of ours" },
  ],
  [
    "a null block",
    "json",
    [
      { id: 0, result: null },
      { id: 1, result: null },
    ],
    { kind: "missing" },
  ],
  [
    "a null block whose traces fail",
    "json",
    [{ id: 0, result: null }, { id: 1, result: null }, failing(2, -32000, "block not found")],
    { kind: "missing" },
  ],
  [
    "a raw block of 0x",
    "raw",
    [
      { id: 0, result: "0x" },
      { id: 1, result: null },
    ],
    { kind: "missing" },
  ],
  [
    "a raw block that geth does not find",
    "raw",
    [failing(0, -32000, "header for hash not found"), { id: 1, result: [] }],
    { kind: "missing" },
  ],
  [
    "an error for the block",
    "json",
    [failing(0, -32000, "database closed"), receipts],
    { kind: "outage", reason: "error -32000: database closed" },
  ],
  [
    "an error for the receipts",
    "json",
    [block, failing(1, -32003, "response too large"), traces],
    { kind: "outage", reason: "error -32003: response too large" },
  ],
  [
    "traces beyond the node's state",
    "json",
    [block, receipts, failing(2, -32000, "historical state is not available")],
    {
      kind: "outage",
      reason:
        'error -32000: historical state is not available; "traces": true needs an archive node for blocks this old',
    },
  ],
  [
    "a trace that came to an end, as nodes say it that go on with the next one",
    "json",
    [block, receipts, { ...traces, result: withTrace({ error: "execution timeout" }) }],
    { kind: "outage", reason: "trace 1: execution timeout" },
  ],
  [
    "a trace beyond the node's state",
    "raw",
    [
      rawBlock,
      rawReceipts,
      {
        ...traces,
        result: withTrace({ result: null, error: { code: -32000, message: "missing trie node" } }),
      },
    ],
    {
      kind: "outage",
      reason: 'trace 1: missing trie node; "traces": true needs an archive node for blocks this old',
    },
  ],
  [
    "a trace that is neither there nor an error",
    "json",
    [block, receipts, { ...traces, result: withTrace({ result: null, error: "" }) }],
    {
      kind: "refused",
      proof: "traces",
      reason: "traces[1].result is null, not an object",
      waivable: false,
    },
  ],
  [
    "a batch refused as one object",
    "json",
    failing(null, -32600, "batch too large"),
    { kind: "outage", reason: "error -32600: batch too large" },
  ],
  [
    "a batch refused as one entry",
    "json",
    [failing(0, -32600, "batch too large")],
    { kind: "outage", reason: "error -32600: batch too large" },
  ],
  [
    "a batch refused as an entry without id",
    "json",
    [failing(null, -32700, "parse error")],
    { kind: "outage", reason: "error -32700: parse error" },
  ],
  [
    "a method that is not there",
    "raw",
    [failing(0, -32601, "the method debug_getRawBlock does not exist/is not available"), rawReceipts],
    {
      kind: "unsupported",
      method: "debug_getRawBlock",
      reason: "error -32601: the method debug_getRawBlock does not exist/is not available",
    },
  ],
  [
    "receipts that can't be asked for",
    "raw",
    [rawBlock, failing(1, -32601, "no such call")],
    { kind: "unsupported", method: "debug_getRawReceipts", reason: "error -32601: no such call" },
  ],
  [
    "traces that can't be asked for",
    "json",
    [block, receipts, failing(2, -32000, "Method is not available on your plan")],
    {
      kind: "unsupported",
      method: "debug_traceBlockByHash",
      reason: "error -32000: Method is not available on your plan",
    },
  ],
  [
    "a method refused for the whole batch",
    "raw",
    failing(null, -32601, "method not found"),
    { kind: "outage", reason: "error -32601: method not found" },
  ],
];

test.each(OUTCOMES)("%s (%s)", (_name, form, answer, outcome) => {
  expect(answered(form, answer)).toEqual(outcome);
});

test("genesis has no traces to give", () => {
  const genesis = makeBlock({ fork: "frontier", transactions: [], header: { number: "0x0" } });
  const entries = [
    { id: 0, result: genesis.block },
    { id: 1, result: [] },
    failing(2, -32000, "genesis is not traceable"),
  ];
  const outcome = proveBody(taskOf(genesis, "json", { body: bodyOf(entries) }));
  expect(outcome).toEqual(proveBody(taskOf(genesis, "json")));
  expect(outcome.kind).toBe("proven");
});

test("no answer whatever makes the prover throw or prove", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom("json", "raw"), (text, form) => {
      expect(["outage", "missing", "refused", "unsupported"]).toContain(answered(form, text).kind);
    }),
    { numRuns: 300 },
  );
});

test("no results whatever make the prover throw or prove", () => {
  const entries = fc.array(fc.record({ id: fc.integer({ min: 0, max: 4 }), result: fc.jsonValue() }));
  fc.assert(
    fc.property(entries, fc.constantFrom("json", "raw"), (list, form) => {
      expect(["outage", "missing", "refused"]).toContain(answered(form, list).kind);
    }),
    { numRuns: 300 },
  );
});

test("calls nested without end are refused", () => {
  const depth = 5_000;
  const nested = `${'{"type":"CALL","value":"0x0","calls":['.repeat(depth)}${"]}".repeat(depth)}`;
  const hostile = makeBlock({ fork: "prague", transactions: sixTransactions().slice(0, 1) });
  const { result, txHash } = hostile.traces[0];
  const trace = JSON.stringify({ txHash, result: { ...result, calls: "NESTED" } }).replace(
    '"NESTED"',
    `[${nested}]`,
  );
  const entries = [hostile.block, hostile.receipts].map((one, id) => JSON.stringify({ id, result: one }));
  const body = bodyOf(`[${entries.join()},{"id":2,"result":[${trace}]}]`);
  expect(proveBody(taskOf(hostile, "json", { body }))).toEqual({
    kind: "refused",
    proof: "traces",
    reason: "calls are nested more than 1025 deep",
    waivable: false,
  });
});

test("a block's value stays as it is when the next answer is read", () => {
  const later = makeBlock({ fork: "cancun", transactions: sixTransactions().slice(0, 3) });
  const first = proveBody(taskOf(made, "raw", { traces: false }));
  const value = first.kind === "proven" ? Buffer.from(first.value).toString("hex") : undefined;
  expect(proveBody(taskOf(later, "raw", { traces: false })).kind).toBe("proven");
  expect(first.kind === "proven" && Buffer.from(first.value).toString("hex")).toBe(value);
});
