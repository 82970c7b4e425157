import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { encodeBlock } from "../../../ingest/ethereum/encode-block.ts";
import { encodeHeader } from "../../../ingest/ethereum/encode-header.ts";
import { encodeReceipts } from "../../../ingest/ethereum/encode-receipt.ts";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { envelopeOf } from "../../../ingest/ethereum/parts.ts";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import type { EthereumProof, ProveOutcome, ProveTask } from "../../../ingest/ethereum/prover.ts";
import { reprove } from "../../../ingest/ethereum/reprove.ts";
import { indexedRoot } from "../../../ingest/ethereum/trie.ts";
import { decodeValue } from "../../../ingest/ethereum/value.ts";
import { listItems } from "../../../stream/ethereum/rlp.ts";
import { hex, type Json } from "./synthetic.ts";
import { bodyOf } from "./synthetic-block.ts";

const FOLDER = "../shared/data/ethereum";
const there = existsSync(FOLDER);
const named = (name: string): string => `${name}${there ? "" : ` (skipped: no ${FOLDER})`}`;

function load(height: string, kind: string): Json | undefined {
  const file = `${FOLDER}/blocks/${height}.${kind}.json.gz`;
  return existsSync(file) ? JSON.parse(gunzipSync(readFileSync(file)).toString()) : undefined;
}

const heights = there
  ? readdirSync(`${FOLDER}/blocks`)
      .filter((file) => file.endsWith(".block.json.gz"))
      .map((file) => file.split(".")[0]!)
      .sort((a, b) => Number(a) - Number(b))
  : [];

/** Blocks that their source gives in part only (data/README.md), and what is wrong with each. */
const INCOMPLETE: ReadonlyMap<string, readonly [EthereumProof, RegExp]> = new Map([
  ["17173049", ["header", /^mixHash is missing$/]],
  ["17173050", ["header", /^mixHash is missing$/]],
  ["21925176", ["transactions", /^transactions\[201\] is a hash where a transaction was asked for$/]],
]);

/** The withdrawals of these are missing at the source, though the header has their root. */
const lacksWithdrawals = (block: Json): boolean =>
  block.withdrawalsRoot !== undefined && block.withdrawals === undefined;

function taskFor(height: string, change: Partial<ProveTask> = {}): ProveTask {
  const [block, receipts, traces, ommers] = ["block", "receipts", "traces", "uncles"].map((kind) =>
    load(height, kind),
  );
  const traced = Array.isArray(traces);
  const answers = [block, receipts, traced ? traces : undefined, ...(ommers ?? [])];
  return {
    body: bodyOf(answers.flatMap((result, id) => (result === undefined ? [] : [{ id, result }]))),
    form: "json",
    expected: {
      height: Number(block.number),
      hash: block.hash,
      parent: block.parentHash,
      time: Number(block.timestamp),
    },
    chainId: 1,
    traces: traced,
    waive: lacksWithdrawals(block) ? ["withdrawals"] : [],
    ...change,
  };
}

const rawTask = (task: ProveTask, value: Uint8Array, height: string): ProveTask => {
  const { parts } = decodeValue(value);
  const answers = [
    hex(parts.block),
    parts.receipts.map(hex),
    ...(task.traces ? [load(height, "traces")] : []),
  ];
  return { ...task, form: "raw", body: bodyOf(answers.map((result, id) => ({ id, result }))) };
};

const told = (outcome: ProveOutcome): string =>
  outcome.kind === "refused" ? `${outcome.proof}: ${outcome.reason}` : outcome.kind;

test.skipIf(!there)(named("every complete block encodes to bytes whose hash and roots hold"), () => {
  const encoded = heights.filter((height) => !INCOMPLETE.has(height));
  for (const height of encoded) {
    const block = load(height, "block");
    const bytes = encodeBlock(block, { ommers: load(height, "uncles") ?? [], withdrawalsMayMiss: true });
    const [header, transactions, ommers, withdrawals] = listItems(bytes);
    expect(hex(keccak256(header!)), height).toBe(block.hash);
    const envelopes = listItems(transactions!).map(envelopeOf);
    expect(hex(indexedRoot(envelopes, keccak256)), height).toBe(block.transactionsRoot);
    expect(hex(keccak256(ommers!)), height).toBe(block.sha3Uncles);
    if (withdrawals !== undefined && !lacksWithdrawals(block)) {
      expect(hex(indexedRoot(listItems(withdrawals), keccak256)), height).toBe(block.withdrawalsRoot);
    }
    const receipts = load(height, "receipts");
    if (receipts === undefined) continue;
    expect(hex(indexedRoot(encodeReceipts(receipts), keccak256)), height).toBe(block.receiptsRoot);
  }
  expect(encoded.length).toBe(77);
});

test.skipIf(!there)(
  named("every block with receipts is proven, the same from JSON and raw, and holds again"),
  () => {
    const whole = heights.filter(
      (height) => !INCOMPLETE.has(height) && load(height, "receipts") !== undefined,
    );
    for (const height of whole) {
      const task = taskFor(height);
      const json = proveBody(task);
      expect(told(json), height).toBe("proven");
      if (json.kind !== "proven") continue;
      const raw = proveBody(rawTask(task, json.value, height));
      expect(raw.kind === "proven" && Buffer.compare(raw.value, json.value), height).toBe(0);
      expect(reprove(json.value, task.expected, json.proofs, 1), height).toEqual({ kind: "holds" });
    }
    expect(whole.length).toBe(49);
  },
);

test.skipIf(!there)(named("the incomplete blocks are refused for what they lack"), () => {
  for (const [height, [proof, reason]] of INCOMPLETE) {
    const outcome = proveBody(taskFor(height));
    expect(outcome, height).toMatchObject({ kind: "refused", proof });
    expect(outcome.kind === "refused" ? outcome.reason : "", height).toMatch(reason);
  }
});

test.skipIf(!there)(named("blocks that lack signatures are refused by transactions"), () => {
  for (const height of ["17173049", "17173050"]) {
    const outcome = proveBody(taskFor(height, { waive: ["header"] }));
    expect(told(outcome), height).toBe("header: mixHash is missing");
    expect(() => encodeBlock({ ...load(height, "block"), mixHash: `0x${"00".repeat(32)}` })).toThrow(
      "s is missing",
    );
  }
});

test.skipIf(!there)(named("missing withdrawals are refused unless they are waived"), () => {
  for (let height = 17_686_110; height <= 17_686_120; height += 1) {
    const outcome = proveBody(taskFor(String(height), { waive: [] }));
    expect(told(outcome)).toBe("withdrawals: withdrawals is undefined, not a list");
  }
});

test.skipIf(!there)(named("ommers' headers hash to what their block names"), () => {
  for (const height of ["4370006", "7280016", "14764013"]) {
    const ommers: Json[] = load(height, "uncles");
    expect(ommers.map((one) => hex(keccak256(encodeHeader(one))))).toEqual(load(height, "block").uncles);
  }
});

test.skipIf(!there)(named("receipts of a neighbour, traces of a neighbour"), () => {
  const [block, neighbour] = ["17034869", "17034870"];
  const answers = [load(block, "block"), load(neighbour, "receipts")];
  const body = bodyOf(answers.map((result, id) => ({ id, result })));
  expect(proveBody(taskFor(block, { body }))).toMatchObject({ kind: "refused", proof: "count" });
  const traces = bodyOf(
    [load("4404763", "block"), load("4404763", "receipts"), load("4370006", "traces")].map((result, id) => ({
      id,
      result,
    })),
  );
  expect(told(proveBody(taskFor("4404763", { body: traces })))).toBe("traces: 64 traces for 95 transactions");
});
