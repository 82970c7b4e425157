import fc from "fast-check";
import { expect, test } from "vitest";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { ETHEREUM_PROOFS, type EthereumProof } from "../../../ingest/ethereum/prover.ts";
import { reprove } from "../../../ingest/ethereum/reprove.ts";
import { decodeRlp, encodeRlp } from "../../../stream/ethereum/rlp.ts";
import { address, bytes, CHAIN_ID, type Json, word } from "./synthetic.ts";
import { makeBlock, sixTransactions, taskOf } from "./synthetic-block.ts";

const made = makeBlock({ fork: "prague", transactions: sixTransactions() });

function writtenValue(): Uint8Array {
  const outcome = proveBody(taskOf(made, "json"));
  if (outcome.kind !== "proven") throw new Error(outcome.kind);
  return outcome.value;
}

const value = writtenValue();

test("a value that was written holds again, on its own chain", () => {
  expect(reprove(value, made.expected, ETHEREUM_PROOFS, CHAIN_ID)).toEqual({ kind: "holds" });
  expect(reprove(value, made.expected, ETHEREUM_PROOFS)).toEqual({ kind: "holds" });
  expect(reprove(value, made.expected, ETHEREUM_PROOFS, 1)).toMatchObject({
    kind: "refused",
    proof: "senders",
  });
});

/** The value with one of its parts changed. */
function changed(change: (parts: Json[]) => unknown): Uint8Array {
  const parts = decodeRlp(value.slice()) as Json[];
  change(parts);
  return encodeRlp(parts);
}

const CHANGES: readonly (readonly [string, EthereumProof, (parts: Json[]) => unknown])[] = [
  ["another sender", "senders", (parts) => parts[2].fill(1, 0, 1)],
  ["a sender too few", "senders", (parts) => parts.splice(2, 1, parts[2].slice(20))],
  ["a receipt less", "count", (parts) => parts[1].pop()],
  [
    "another receipt",
    "receipts",
    (parts) =>
      Object.assign(parts[1], [[...parts[1][0].slice(0, 3), [[bytes(address(1)), [], bytes("0x")]]]]),
  ],
  ["a transaction less", "transactions", (parts) => parts[0][1].pop()],
  ["another header", "header", (parts) => Object.assign(parts[0][0], [bytes(word(1))])],
  ["an ommer", "ommers", (parts) => parts[0][2].push(parts[0][0])],
  ["a withdrawal less", "withdrawals", (parts) => parts[0][3].pop()],
  ["no withdrawals", "withdrawals", (parts) => parts[0].pop()],
  ["no traces", "traces", (parts) => parts.pop()],
  ["a trace less", "traces", (parts) => parts[3].pop()],
  ["a failed trace that moves", "traces", (parts) => Object.assign(parts[3][1], [bytes("0x01")])],
  [
    "a trace of an unknown frame",
    "traces",
    (parts) => Object.assign(parts[3][1][1][0], [Buffer.from("STATICCALL")]),
  ],
  ["a move of nothing", "traces", (parts) => Object.assign(parts[3][1][1][0], { 3: bytes("0x") })],
  ["a part more", "header", (parts) => parts.push(bytes("0x"))],
];

test.each(CHANGES)("%s is refused by %s", (_name, proof, change) => {
  expect(reprove(changed(change), made.expected, ETHEREUM_PROOFS, CHAIN_ID)).toMatchObject({
    kind: "refused",
    proof,
  });
});

test("a proof that the record does not name is not asked for", () => {
  const without = ETHEREUM_PROOFS.filter((proof) => proof !== "senders");
  const forged = changed((parts) => parts[2].fill(1, 0, 1));
  expect(reprove(forged, made.expected, without, CHAIN_ID)).toEqual({ kind: "holds" });
});

test("any byte altered outside the traces is refused, and none makes it throw", () => {
  const traces = encodeRlp((decodeRlp(value) as Json[])[3]).length;
  fc.assert(
    fc.property(fc.nat(value.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const bent = value.slice();
      bent[at] = (bent[at]! + by) % 256;
      const { kind } = reprove(bent, made.expected, ETHEREUM_PROOFS, CHAIN_ID);
      if (at < value.length - traces) expect(kind).toBe("refused");
    }),
    { numRuns: 1_000 },
  );
});
