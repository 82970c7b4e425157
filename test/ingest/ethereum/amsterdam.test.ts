import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { proveBody } from "../../../ingest/ethereum/prove-body.ts";
import { ETHEREUM_PROOFS, type ProveOutcome } from "../../../ingest/ethereum/prover.ts";
import type { BlockHash } from "../../../stream/block.ts";
import { ethereumRule } from "../../../stream/ethereum/flows.ts";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import { bookFrom } from "../../support/final-block.ts";
import { bodyOf } from "./synthetic-block.ts";

/** The figures of a receipt that fees rest on, as the node prints them. */
interface PaidReceipt {
  readonly from: string;
  readonly gasUsed: string;
  readonly cumulativeGasUsed: string;
  readonly effectiveGasPrice: string;
  readonly blobGasUsed?: string;
  readonly blobGasPrice?: string;
}

interface Captured {
  readonly block: Readonly<Record<string, string>>;
  readonly receipts: readonly PaidReceipt[];
  readonly rawBlock: string;
  readonly rawReceipts: readonly string[];
  readonly traces: readonly unknown[];
  /** By address, before and after the block. */
  readonly balances: Readonly<Record<string, readonly [string, string]>>;
}

const captured = JSON.parse(
  readFileSync(new URL("fixtures/amsterdam-block.json", import.meta.url), "utf8"),
) as Captured;
const { block, receipts } = captured;
const CHAIN_ID = 1337;

const owners = new Map([
  ["0xd4a2c99b9220fe79da0ed3fa650234b18ade3d4e", "alpha"],
  ["0xf8e7b2f77dcb3a1c11c6b89578a013ac92718a41", "alpha"],
  ["0x48ac02b444f6891d92472fe1f047dfde24ff97a1", "beta"],
  ["0x1fe44d1ba2301305e4168ccebe54d0bd5047bc44", "beta"],
  ["0x80bf7115e243e4d39589df6c4663669700fab306", "gamma"],
]);
const book = bookFrom(
  ["chain,address,exchange,wallet,role,valid_from,source"]
    .concat([...owners].map(([address, exchange]) => `ethereum,${address},${exchange},,,,test`))
    .join("\n"),
  `chain,asset,contract,decimals
ethereum,ETH,,18
ethereum,TOK,0x${"f5".repeat(20)},6
`,
);

const expected = {
  height: Number(block["number"]),
  hash: block["hash"] as BlockHash,
  parent: block["parentHash"] as BlockHash,
  time: Number(block["timestamp"]),
};

function prove(form: "json" | "raw", traces: boolean): Extract<ProveOutcome, { kind: "proven" }> {
  const answers = form === "json" ? [block, receipts] : [captured.rawBlock, captured.rawReceipts];
  const results = traces ? [...answers, captured.traces] : answers;
  const outcome = proveBody({
    body: bodyOf(results.map((result, id) => ({ jsonrpc: "2.0", id, result }))),
    form,
    expected,
    chainId: CHAIN_ID,
    traces,
    waive: [],
  });
  if (outcome.kind !== "proven") throw new Error(JSON.stringify(outcome));
  return outcome;
}

function flowsOf(traces: boolean): BlockFlows {
  const { value, proofs } = prove("raw", traces);
  const headers = { "blob-fraction": "5007716" };
  const rule = ethereumRule({ chainId: CHAIN_ID, keccak: keccak256 });
  return rule({ ...expected, proofs: new Set(proofs), headers, value }, book);
}

const feeOf = (receipt: PaidReceipt): bigint =>
  BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice) +
  BigInt(receipt.blobGasUsed ?? 0) * BigInt(receipt.blobGasPrice ?? 0);

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

/** What a labelled account's fee recipient earns by the node's own figures. */
const tips = sum(
  receipts.map(
    ({ gasUsed, effectiveGasPrice }) =>
      BigInt(gasUsed) * (BigInt(effectiveGasPrice) - BigInt(block["baseFeePerGas"]!)),
  ),
);

describe("a block of Amsterdam as geth serves it", () => {
  it("is proven whole, and to the same value from JSON and from raw bytes", () => {
    const [json, raw] = [prove("json", true), prove("raw", true)];
    expect(Buffer.compare(json.value, raw.value)).toBe(0);
    expect([json.proofs, raw.proofs]).toEqual([ETHEREUM_PROOFS, ETHEREUM_PROOFS]);
    expect([json.header, raw.header]).toEqual([expected, expected]);
  });

  it("moves ETH by its own logs alone (EIP-7708), with traces and without", () => {
    const lines = flowsOf(true).legs.map(({ kind, flowType, fromExchange, toExchange, asset, amount }) =>
      [kind, flowType, fromExchange ?? "-", toExchange ?? "-", amount, asset].join(" "),
    );
    expect(lines).toEqual([
      "native inflow - alpha 1000 ETH",
      "native outflow alpha - 3001 ETH",
      "native inflow - alpha 1000 ETH",
      "native inflow - beta 1000 ETH",
      "native inflow - alpha 7 ETH",
      "native inflow - beta 700 ETH",
      "native inflow - alpha 2300 ETH",
      "native inflow - beta 1000 ETH",
      "token inflow - alpha 1000 TOK",
      "token issued - beta 500 TOK",
      "native inflow - alpha 90 ETH",
      "native intra alpha alpha 30 ETH",
      "native inter alpha beta 30 ETH",
      "native outflow alpha - 30 ETH",
      "native inter beta alpha 5 ETH",
      "withdrawal issued - alpha 3000000000 ETH",
      `reward issued - gamma ${tips} ETH`,
    ]);
    expect(flowsOf(false)).toEqual(flowsOf(true));
  });

  it("is paid for by the receipts' gas, which is not the header's", () => {
    expect([BigInt(block["gasUsed"]!), BigInt(receipts.at(-1)!.cumulativeGasUsed)]).toEqual([
      585_990n,
      965_932n,
    ]);
    const paid = ["alpha", "beta"].map((exchange) => ({
      exchange,
      asset: "ETH",
      amount: sum(receipts.filter(({ from }) => owners.get(from) === exchange).map(feeOf)),
    }));
    expect(flowsOf(false).fees).toEqual(paid);
  });

  it.each(["alpha", "beta", "gamma"])(
    "changes the balances of %s by what its legs and fees say",
    (exchange) => {
      const { legs, fees } = flowsOf(false);
      const held = Object.entries(captured.balances).filter(([address]) => owners.get(address) === exchange);
      const change = sum(held.map(([, [before, after]]) => BigInt(after) - BigInt(before)));
      const moved = legs
        .filter(({ asset, flowType }) => asset === "ETH" && flowType !== "intra")
        .map((leg) =>
          leg.toExchange === exchange ? leg.amount : leg.fromExchange === exchange ? -leg.amount : 0n,
        );
      const paid = fees.filter((fee) => fee.exchange === exchange).map((fee) => -fee.amount);
      expect(sum([...moved, ...paid])).toBe(change);
    },
  );
});
