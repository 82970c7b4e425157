import { expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { hasNativeRecovery } from "../../../ingest/ethereum/recovery.ts";
import { allowsHighS, recoverSender } from "../../../ingest/ethereum/senders.ts";
import { encodeRlp, type RlpItem, uintBytes } from "../../../stream/ethereum/rlp.ts";
import { address, CHAIN_ID, envelope, hex, sign, signerOf, type Wanted } from "./synthetic.ts";
import { makeBlock, sixTransactions, taskOf } from "./synthetic-block.ts";

const rules = { chainId: BigInt(CHAIN_ID), highS: false, keccak: keccak256 };

test.each([0, 1, 2, 3, 4] as const)("a transaction of type %i recovers to its signer", (type) => {
  for (const secret of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const { encoded } = sign({ type, secret, nonce: secret, to: address(7) });
    expect(hex(recoverSender(encoded, rules))).toBe(signerOf(secret).address);
  }
});

test("the address of secret 1 repeated is the one that is known for its key", () => {
  const { encoded } = sign({ type: 0, secret: 1, nonce: 0, protect: false });
  expect(hex(recoverSender(encoded, rules))).toBe("0x1a642f0e3c3af545e7acbd38b07251b3990914f1");
});

test("a signature without a chain id holds on every chain, one of another chain on none", () => {
  const free: Wanted = { type: 0, secret: 3, nonce: 1, protect: false };
  expect(hex(recoverSender(sign(free).encoded, { ...rules, chainId: 61n }))).toBe(signerOf(3).address);
  const bound = sign({ type: 0, secret: 3, nonce: 1 }).encoded;
  expect(() => recoverSender(bound, { ...rules, chainId: 61n })).toThrow(
    "it is signed for chain 1337, not 61",
  );
  expect(hex(recoverSender(bound, { ...rules, chainId: undefined }))).toBe(signerOf(3).address);
});

test("a chain id beyond 53 bits is exact", () => {
  const chainId = 2 ** 53 - 2;
  const { encoded } = sign({ type: 1, secret: 3, nonce: 1, chainId });
  expect(() => recoverSender(encoded, rules)).toThrow(`it is signed for chain ${chainId}, not 1337`);
});

test("a high s is Frontier's alone", () => {
  const { encoded } = sign({ type: 0, secret: 4, nonce: 1, protect: false, highS: true });
  expect(() => recoverSender(encoded, rules)).toThrow("s is in the upper half of the order");
  expect(hex(recoverSender(encoded, { ...rules, highS: true }))).toBe(signerOf(4).address);
  expect([1_149_999n, 1_150_000n].map((height) => allowsHighS(1n, height))).toEqual([true, false]);
  expect(allowsHighS(1337n, 1n)).toBe(false);
});

const legacy = (tail: readonly RlpItem[]): Uint8Array =>
  encodeRlp([...Array.from({ length: 6 }, () => new Uint8Array(0)), ...tail]);
const filled = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);

test.each([
  ["v 26", legacy([uintBytes(26), filled(1), filled(1)]), "v is 26"],
  ["v 34", legacy([uintBytes(34), filled(1), filled(1)]), "v is 34"],
  ["no r", legacy([uintBytes(27), filled(1, 0), filled(1)]), "it recovers to no key"],
  ["an r beyond the order", legacy([uintBytes(27), filled(255), filled(1)]), "it recovers to no key"],
  ["a long r", legacy([uintBytes(27), filled(1, 33), filled(1)]), "r or s is longer than 32 bytes"],
  ["a field too few", legacy([uintBytes(27), filled(1)]), "8 fields instead of 9"],
  [
    "parity 2",
    envelope(1, [uintBytes(CHAIN_ID), ...Array(7).fill(filled(1, 0)), uintBytes(2), filled(1), filled(1)]),
    "yParity is 2",
  ],
  ["an unknown type", envelope(5, []), "type 5 is not known here"],
])("a signature with %s is refused", (_name, encoded, message) => {
  expect(() => recoverSender(encoded, rules)).toThrow(message);
});

test("with senders waived the node's word is taken, and raw bytes are recovered all the same", () => {
  const made = makeBlock({ fork: "prague", transactions: sixTransactions() });
  made.block.transactions[0].from = address(0x77);
  made.traces[0].result.from = address(0x77);
  const json = proveBody(taskOf(made, "json", { waive: ["senders"] }));
  const raw = proveBody(taskOf(made, "raw", { waive: ["senders"], traces: false }));
  expect(json.kind === "proven" && hex(json.value).includes(address(0x77).slice(2))).toBe(true);
  expect(json.kind === "proven" && json.proofs.includes("senders")).toBe(false);
  const own = signerOf(1).address.slice(2);
  expect(raw.kind === "proven" && hex(raw.value).includes(own)).toBe(true);
});

test("the native code is there where the tests run", () => {
  expect(hasNativeRecovery()).toBe(true);
});
