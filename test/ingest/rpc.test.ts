import { describe, expect, it } from "vitest";
import { readReplies } from "../../ingest/rpc.ts";

function bytes(json: unknown): ArrayBuffer {
  return new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json))
    .buffer as ArrayBuffer;
}

const one = { jsonrpc: "2.0", id: 0, result: "0x1" };
const two = { jsonrpc: "2.0", id: 1, error: { code: -32000, message: "finalized block not found" } };

describe("readReplies", () => {
  it("puts replies in the calls' order", () => {
    const replies = [
      { kind: "result", value: "0x1" },
      { kind: "error", code: -32000, message: "finalized block not found" },
    ];
    expect(readReplies(bytes([one, two]), 2)).toEqual({ kind: "answer", value: replies });
    expect(readReplies(bytes([two, one]), 2)).toEqual({ kind: "answer", value: replies });
  });

  it.each([
    ["no JSON", "<html>", "the answer is no JSON"],
    ["cut off", '[{"id":0,"resu', "the answer is no JSON"],
    [
      "refused",
      { id: null, error: { code: -32600, message: "batch too large" } },
      "the batch was refused: batch too large",
    ],
    ["short", [one], "the batch lacks the answer to call 1"],
    [
      "geth's batch too large",
      [{ id: 0, error: { code: -32600, message: "batch too large" } }],
      "the batch lacks the answer to call 1 (batch too large)",
    ],
    ["doubled", [one, one, two], "the batch answers call 0 twice"],
    [
      "with a strange id",
      [one, { ...two, id: "1" }],
      "the batch has a strange answer: finalized block not found",
    ],
    ["with an entry that is none", [one, 7], "the batch has a strange answer: number"],
    ["without result", [one, { id: 1 }], "the batch has a strange answer: neither result nor error"],
  ])("takes a batch that is %s for an outage", (_, json, reason) => {
    const declined = reason === "the answer is no JSON" ? {} : { declined: true };
    expect(readReplies(bytes(json), 2)).toEqual({ kind: "outage", reason, ...declined });
  });
});

it("takes too many questions for no fault of the batch", () => {
  const refusal = { jsonrpc: "2.0", id: null, error: { code: -32005, message: "limit exceeded" } };
  expect(readReplies(bytes(refusal), 2)).toEqual({
    kind: "outage",
    reason: "the batch was refused: limit exceeded",
  });
});
