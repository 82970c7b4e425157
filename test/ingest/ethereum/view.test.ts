import { describe, expect, it } from "vitest";
import { askView } from "../../../ingest/ethereum/view.ts";
import { viewedHeader } from "../../../ingest/ethereum/view-header.ts";
import type { Call, Reply } from "../../../ingest/rpc.ts";
import { grow, simulateChain } from "../../chain/chain.ts";

const NEVER = new AbortController().signal;

describe("askView", () => {
  /** A chain as JSON: `branch` tells its hashes from those of another one. */
  const json = (height: number, branch = "a") => ({
    number: `0x${height.toString(16)}`,
    timestamp: "0x5",
    hash: hashOf(height, branch),
    parentHash: hashOf(height - 1, branch),
  });
  const hashOf = (height: number, branch: string) => `0x${branch}${height.toString(16).padStart(63, "0")}`;
  const look = (answers: Readonly<Record<string, unknown>>, span = { from: 8, to: 10 }) => {
    const call = async (calls: readonly Call[]) => {
      const value = calls.map(
        ({ params }): Reply => ({ kind: "result", value: answers[String(params[0])] ?? null }),
      );
      return { kind: "answer", value } as const;
    };
    return askView({ call }, { span, withFinalized: true, trusted: true }, NEVER);
  };
  const honest = { latest: json(10), "0x8": json(8), "0x9": json(9), "0xa": json(10), "0x5": json(5) };

  it("passes over a finalized block that is not the chain's at its height", async () => {
    expect(await look({ ...honest, finalized: json(5) })).toMatchObject({
      value: { finalized: { height: 5, hash: hashOf(5, "a") } },
    });
    expect(await look({ ...honest, finalized: json(5, "b") })).toMatchObject({
      value: { finalized: undefined },
    });
    expect(await look({ ...honest, finalized: json(9, "b") })).toMatchObject({
      value: { finalized: undefined },
    });
    const above = { ...honest, "0xb": json(11), finalized: json(11) };
    expect(await look(above, { from: 8, to: 11 })).toMatchObject({ value: { finalized: undefined } });
  });

  it("is an outage with a hole below the head, and a failed proof where blocks do not link or stand elsewhere", async () => {
    const { "0x8": _, ...hole } = honest;
    expect(await look(hole)).toEqual({ kind: "outage", reason: "block 8 is null, and the head is 10" });
    expect(await look({ ...honest, "0x9": json(9, "b") })).toMatchObject({
      kind: "unproven",
      proof: "header",
      block: { height: 9, hash: hashOf(9, "b") },
      waivable: false,
    });
    expect(await look({ ...honest, "0x9": json(7) })).toMatchObject({
      kind: "unproven",
      block: { height: 9 },
    });
    expect(await look({ ...honest, latest: json(10, "b") })).toMatchObject({ kind: "answer" });
  });
});

describe("viewedHeader", () => {
  const block = grow(simulateChain({ bodies: ({ transactions }) => transactions < 40 }), 1);
  const { height, hash, parent, time } = block;
  const json = JSON.parse(String(block.answer("thin"))) as Readonly<Record<string, unknown>>;
  const { parentHash: _, ...orphan } = json;
  const elsewhere = { ...json, number: "0x5" };

  it("is proven by the hash over the header's fields", () => {
    const value = { height, hash, parent, time };
    expect(viewedHeader(json, height, false)).toEqual({ kind: "answer", value });
    expect(viewedHeader(json, undefined, false)).toEqual({ kind: "answer", value });
  });

  it.each([
    ["another time", { ...json, timestamp: "0x1" }, /^its hash is 0x/, true],
    ["another number", elsewhere, /^its hash is 0x/, true],
    ["no parent", orphan, /^parentHash is missing$/, false],
  ])("with %s is a failed proof that names the block", (_lie, lie, reason, waivable) => {
    const answer = viewedHeader(lie, height, false);
    expect(answer).toMatchObject({ kind: "unproven", proof: "header", block: { height, hash }, waivable });
    expect(answer.kind === "unproven" && answer.reason).toMatch(reason);
  });

  it("is taken as it stands where the proof is waived", () => {
    expect(viewedHeader({ ...json, timestamp: "0x1" }, height, true)).toMatchObject({ value: { time: 1 } });
    expect(viewedHeader(elsewhere, height, true)).toMatchObject({
      kind: "unproven",
      reason: `its number is 5, not ${height}`,
      waivable: false,
    });
  });
});
