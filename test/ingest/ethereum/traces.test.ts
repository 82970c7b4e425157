import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { framesOf, traceItem } from "../../../ingest/ethereum/traces.ts";
import { address, hex, type Json } from "./synthetic.ts";
import { makeBlock, type Synthetic, sixTransactions, taskOf } from "./synthetic-block.ts";

/** A frame from one-byte addresses. */
function frame(type: string, value: number | undefined, more: Json = {}): Json {
  const moved = value === undefined ? {} : { value: `0x${value.toString(16)}` };
  return { type, from: address(1), to: address(2), ...moved, ...more };
}

/** The trace's entry in words: `failed`, or each move's type and value in order. */
function told(root: Json): string {
  const [entry] = framesOf([{ txHash: "0x00", result: root }]);
  const [failed, moves] = traceItem(entry!) as Json;
  if (failed.length === 1) return `failed ${moves.length}`;
  return moves.map(([type, , , value]: Json) => `${Buffer.from(type)} ${Number(hex(value))}`).join(", ");
}

const TREES: readonly (readonly [string, Json, string])[] = [
  ["nothing inside", frame("CALL", 9), ""],
  ["the root's own value is not listed", frame("CALL", 9, { calls: [frame("CALL", 1)] }), "CALL 1"],
  ["value 0 is no move", frame("CALL", 0, { calls: [frame("CALL", 0)] }), ""],
  [
    "a frame moves its value before those inside it",
    frame("CALL", 0, {
      calls: [frame("CALL", 1, { calls: [frame("CREATE", 2), frame("CREATE2", 3)] }), frame("CALL", 4)],
    }),
    "CALL 1, CREATE 2, CREATE2 3, CALL 4",
  ],
  [
    "delegate, code and static calls move nothing, the frames inside them do",
    frame("CALL", 0, {
      calls: [
        frame("DELEGATECALL", 7, { calls: [frame("CALL", 1)] }),
        frame("CALLCODE", 8),
        frame("STATICCALL", undefined),
      ],
    }),
    "CALL 1",
  ],
  [
    "a self-destruct moves its balance",
    frame("CALL", 0, { calls: [frame("SELFDESTRUCT", 5)] }),
    "SELFDESTRUCT 5",
  ],
  [
    "a reverted frame takes everything inside it along, though that has no error of its own",
    frame("CALL", 0, {
      calls: [frame("CALL", 1, { error: "execution reverted", calls: [frame("CALL", 2)] }), frame("CALL", 3)],
    }),
    "CALL 3",
  ],
  [
    "a failed root moves nothing",
    frame("CALL", 9, { error: "out of gas", calls: [frame("CALL", 1)] }),
    "failed 0",
  ],
  ["an empty error is none", frame("CALL", 9, { error: "", calls: [frame("CALL", 1)] }), "CALL 1"],
];

test.each(TREES)("%s", (_name, root, moves) => {
  expect(told(root)).toBe(moves);
});

test.each([
  ["an unknown type", frame("EOFCALL", 1), 'type is "EOFCALL", a frame type that is not known here'],
  ["a call without value", frame("CALL", undefined), "value is missing"],
  ["a self-destruct to nobody", frame("SELFDESTRUCT", 1, { to: undefined }), "to is missing"],
  ["calls that are no list", frame("CALL", 1, { calls: 5 }), "calls is 5, not a list"],
])("%s inside is refused", (_name, inner, message) => {
  expect(() => told(frame("CALL", 0, { calls: [inner] }))).toThrow(message);
});

const made = (): Synthetic => makeBlock({ fork: "prague", transactions: sixTransactions() });

test("bare frames of older nodes are the same traces", () => {
  const honest = proveBody(taskOf(made(), "json"));
  const bare = made();
  const traces = bare.traces.map((one: Json) => one.result);
  expect(proveBody(taskOf({ ...bare, traces }, "json"))).toEqual(honest);
  expect(honest.kind).toBe("proven");
});

const ROOTS: readonly (readonly [string, (traces: Json) => unknown])[] = [
  ["another sender", (traces) => Object.assign(traces[0].result, { from: address(0x31) })],
  ["another recipient", (traces) => Object.assign(traces[0].result, { to: address(0x31) })],
  ["another value", (traces) => Object.assign(traces[0].result, { value: "0x8" })],
  ["no value", (traces) => delete traces[0].result.value],
  ["another created contract", (traces) => Object.assign(traces[1].result, { to: address(0x31) })],
  ["a call instead of a creation", (traces) => Object.assign(traces[1].result, { type: "CALL" })],
  [
    "a failure that the receipt does not have",
    (traces) => Object.assign(traces[0].result, { error: "out of gas" }),
  ],
  ["no failure where the receipt has one", (traces) => delete traces[3].result.error],
  ["another transaction's hash", (traces) => Object.assign(traces[0], { txHash: traces[1].txHash })],
];

test.each(ROOTS)("a root frame with %s is refused, with and without its transaction's hash", (name, lie) => {
  for (const named of [true, false]) {
    const block = made();
    lie(block.traces);
    if (!named && name.includes("hash")) continue;
    const traces = named ? block.traces : block.traces.map((one: Json) => ({ result: one.result }));
    expect(proveBody(taskOf({ ...block, traces }, "json"))).toMatchObject({
      kind: "refused",
      proof: "traces",
    });
  }
});

test("before Byzantium the root frame alone says whether the transaction failed", () => {
  const old = makeBlock({ fork: "frontier", transactions: sixTransactions() });
  expect(proveBody(taskOf(old, "json")).kind).toBe("proven");
});
