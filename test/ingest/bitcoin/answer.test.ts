import { describe, expect, it } from "vitest";
import { errorOutcome, readRpc } from "../../../ingest/bitcoin/answer.ts";
import { satoshiOf } from "../../../ingest/bitcoin/encode.ts";
import { encodeHeader, headerOf } from "../../../ingest/bitcoin/header.ts";
import { ProofRefused } from "../../../ingest/bitcoin/refuse.ts";

describe("an amount", () => {
  it.each([
    ["0", 0n],
    ["0.00000001", 1n],
    ["0.00000000", 0n],
    ["4.74236104", 474_236_104n],
    ["20999999.97690000", 2_099_999_997_690_000n],
    ["0.1", 10_000_000n],
    ["50.0", 5_000_000_000n],
    ["1e-8", 1n],
    ["1.5E-07", 15n],
    ["2e3", 200_000_000_000n],
    ["1.000000000", 100_000_000n],
  ])("%s is %s satoshi", (text, satoshi) => {
    expect(satoshiOf(text)).toBe(satoshi);
  });

  it.each(["0.000000001", `1.${"0".repeat(39)}`, "-1", "", ".", "1.", "1e", "0x1", " 1", "null", '"1"'])(
    "%j is none",
    (text) => {
      expect(satoshiOf(text)).toBeUndefined();
    },
  );
});

/** Block 1 of main net as `getblock <hash> 3` prints it. */
const block1 = {
  hash: "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
  confirmations: 900_000,
  height: 1,
  version: 1,
  merkleroot: "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
  time: 1231469665,
  nonce: 2573394689,
  bits: "1d00ffff",
  previousblockhash: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
  tx: [{ vin: [{ coinbase: "04ffff001d0104" }], hex: "0100" }],
};

describe("a header in JSON", () => {
  it("is known by the hash that its fields have", () => {
    expect(headerOf(block1)).toEqual({
      hash: block1.hash,
      parent: block1.previousblockhash,
      time: block1.time,
      bits: 0x1d00ffff,
    });
    expect(headerOf({ ...block1, nonce: 1 })?.hash).not.toBe(block1.hash);
    const { previousblockhash: _, ...genesis } = block1;
    expect(headerOf(genesis)?.parent).toBe("0".repeat(64));
    expect(Buffer.from(encodeHeader({ ...block1, version: 0xffffffff }) ?? []).readInt32LE(0)).toBe(-1);
    expect(Buffer.from(encodeHeader({ ...block1, version: -1 }) ?? []).readInt32LE(0)).toBe(-1);
  });

  it.each([
    null,
    {},
    { ...block1, version: "1" },
    { ...block1, version: 1.5 },
    { ...block1, time: -1 },
    { ...block1, nonce: 0x1_0000_0000 },
    { ...block1, bits: "1d00fff" },
    { ...block1, bits: 0x1d00ffff },
    { ...block1, merkleroot: "00" },
    { ...block1, previousblockhash: null },
  ])("is none where a field is missing or out of range", (json) => {
    expect(encodeHeader(json)).toBeUndefined();
  });
});

function read(entry: unknown, text = JSON.stringify([entry])) {
  return readRpc(Uint8Array.from(Buffer.from(text)).buffer);
}

function causeOf(result: unknown): unknown {
  try {
    return read({ id: 0, result });
  } catch (error) {
    return error;
  }
}

describe("the answer to getblock", () => {
  it("is the block and its spent outputs", () => {
    const raw = read({ id: 0, result: block1 });
    expect(raw).toMatchObject({ spentAt: 83 });
    const value = Buffer.from("value" in raw ? raw.value : []);
    expect(value.subarray(80).toString("hex")).toBe("0101000100");
    const spending = {
      ...block1,
      tx: [{ hex: "", vin: [{ prevout: { value: 1e-8, scriptPubKey: { hex: "6a" } } }] }],
    };
    const spent = read({ id: 0, result: spending });
    expect(
      Buffer.from("value" in spent ? spent.value : [])
        .subarray(81)
        .toString("hex"),
    ).toBe("01010100000000000000016a");
  });

  it.each([
    ["not found", { code: -5, message: "Block not found" }, { kind: "missing", reason: "Block not found" }],
    [
      "still to be downloaded",
      { code: -1, message: "Block not available (not fully downloaded)" },
      { kind: "missing", reason: "Block not available (not fully downloaded)" },
    ],
    ["pruned", { code: -1, message: "Block not available (pruned data)" }, { kind: "lacking" }],
    [
      "starting",
      { code: -28, message: "Verifying blocks…" },
      { kind: "outage", reason: "it is starting: Verifying blocks…" },
    ],
    ["no such method", { code: -32601, message: "Method not found" }, { kind: "lacking" }],
    ["anything else", { code: -32603, message: "Can't read undo data" }, { kind: "outage" }],
  ])("that it is %s", (_, error, outcome) => {
    expect(read({ id: 0, error })).toMatchObject(outcome);
    expect(errorOutcome(error.code, error.message)).toMatchObject(outcome);
  });

  it("without prevouts is of a block off the chain, or of a node that can't tell them", () => {
    const bare = { ...block1, tx: [{ hex: "", vin: [{ txid: "00", vout: 0 }] }] };
    expect(read({ id: 0, result: { ...bare, confirmations: -1 } })).toEqual({ kind: "missing" });
    expect(read({ id: 0, result: bare })).toEqual({
      kind: "lacking",
      reason: "getblock 3 leaves out prevouts; it needs Bitcoin Core 23 or later, not pruned",
    });
  });

  it("where some inputs tell their prevouts and one does not is a failed proof, on the chain and off it", () => {
    const told = { prevout: { value: 1, scriptPubKey: { hex: "6a" } } };
    const untold = { txid: "00", vout: 0 };
    const txs = [...block1.tx, { hex: "", vin: [told] }, { hex: "", vin: [told, untold, untold] }];
    for (const tx of [txs, [txs[0], txs[2], txs[1]]]) {
      for (const confirmations of [-1, 1]) {
        const cause = causeOf({ ...block1, confirmations, tx });
        expect(cause).toBeInstanceOf(ProofRefused);
        const reason = `input 1 of transaction ${tx.indexOf(txs[2])} tells no prevout`;
        expect(cause).toMatchObject({ proof: "spent", reason, waivable: false });
      }
    }
  });

  it.each([
    ["no JSON", "<html>"],
    ["a number", "7"],
    ["neither result nor error", "[{}]"],
  ])("is an outage where it is %s", (_, text) => {
    expect(Object.hasOwn(read(undefined, text), "kind") && read(undefined, text)).toMatchObject({
      kind: "outage",
    });
  });

  it("is null for a block that the node has not", () => {
    expect(read({ id: 0, result: null })).toEqual({ kind: "missing" });
  });

  it.each([
    ["header", { ...block1, bits: undefined }],
    ["merkle", { ...block1, tx: [{ vin: [] }] }],
    ["merkle", { ...block1, tx: [{ vin: [], hex: "0" }] }],
    ["merkle", { ...block1, tx: [{ vin: [], hex: "zz" }] }],
    ["merkle", { ...block1, tx: ["0e3e"] }],
    ["merkle", { ...block1, tx: undefined }],
    ["spent", { ...block1, tx: [{ hex: "" }] }],
    ["spent", { ...block1, tx: [{ hex: "", vin: "none" }] }],
    ["spent", { ...block1, tx: [{ hex: "", vin: Array(50_000).fill({}) }] }],
    ["merkle", { ...block1, tx: Array(50_001).fill({ hex: "", vin: [] }) }],
    ["spent", { ...block1, tx: [{ hex: "", vin: [{ prevout: {} }] }] }],
    [
      "spent",
      { ...block1, tx: [{ hex: "", vin: [{ prevout: { value: 21_000_001, scriptPubKey: { hex: "" } } }] }] },
    ],
    ["spent", { ...block1, tx: [{ hex: "", vin: [{ prevout: { value: 1, scriptPubKey: {} } }] }] }],
    ["spent", { ...block1, tx: [{ hex: "", vin: [{ prevout: { value: 1, scriptPubKey: { hex: 7 } } }] }] }],
    ["spent", { ...block1, tx: [{ hex: "", vin: [{ prevout: { value: 1, scriptPubKey: { hex: "6" } } }] }] }],
    ["merkle", { ...block1, tx: [{ vin: [], hex: 7 }] }],
  ])("fails the proof %s where a part has another form", (proof, result) => {
    const cause = causeOf(result);
    expect(cause).toBeInstanceOf(ProofRefused);
    expect(cause).toMatchObject({ proof });
  });
});
