import { describe, expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { Address } from "../../../stream/block.ts";
import { blobBaseFee, mainnetBlobFraction } from "../../../stream/ethereum/blob.ts";
import { BlobFractionMissing } from "../../../stream/ethereum/fees.ts";
import { ethereumRule } from "../../../stream/ethereum/flows.ts";
import type { FinalBlock } from "../../../stream/flow/rule.ts";
import { address, type BlockStory, finalBlock, type TransactionStory } from "../../support/ethereum-story.ts";
import { bookFrom } from "../../support/final-block.ts";

const [alpha, alpha2, beta, user] = ["a", "c", "b", "1"].map(address) as [Address, Address, Address, Address];
const book = bookFrom(
  `chain,address,exchange,wallet,role,valid_from,source
ethereum,${alpha},alpha,,,,test
ethereum,${alpha2},alpha,,,,test
ethereum,${beta},beta,,,,test
`,
  "chain,asset,contract,decimals\nethereum,ETH,,18\n",
);
const rule = ethereumRule({ chainId: 1, keccak: keccak256 });
const flowsOf = (story: BlockStory, change: Partial<FinalBlock> = {}) =>
  rule(finalBlock(story, change), book);

describe("fees", () => {
  const feesOf = (...transactions: readonly TransactionStory[]) => flowsOf({ transactions }).fees;
  const paid = (exchange: string, amount: bigint) => ({ exchange, asset: "ETH", amount });

  test("gas used × effective price of labelled senders, by exchange, failed ones too", () => {
    const fees = feesOf(
      { from: beta, gasUsed: 30n, feeCap: 100n, tipCap: 2n },
      { from: user, gasUsed: 1000n },
      { from: alpha, gasUsed: 7n, feeCap: 11n, tipCap: 2n, status: 0 },
      { from: alpha2, gasUsed: 5n, feeCap: 50n, type: 0 },
      { from: alpha2, gasUsed: 3n, feeCap: 50n, type: 1 },
    );
    expect(fees).toEqual([paid("alpha", 7n * 11n + 8n * 50n), paid("beta", 30n * 12n)]);
  });

  test.each([
    ["Cancun", 1_710_338_135, 27234271276n],
    ["the last of Cancun", 1_746_612_310, 27234271276n],
    ["Prague", 1_746_612_311, 9051970n],
    ["the last of Osaka", 1_765_290_070, 9051970n],
    ["BPO1", 1_765_290_071, 14929n],
    ["BPO2", 1_767_747_671, 958n],
  ])("blobs at main-net's blob base fee of %s", (_fork, time, price) => {
    const blobs = { from: alpha, type: 3, blobs: 3, gasUsed: 1n, feeCap: 10n, tipCap: 0n };
    const flows = flowsOf({ time, excessBlobGas: 0x4c80000n, transactions: [blobs] });
    expect(flows.fees).toEqual([paid("alpha", 10n + 3n * 131_072n * price)]);
  });

  test("another chain's blobs need its fraction", () => {
    const other = ethereumRule({ chainId: 5, keccak: keccak256 });
    const story = { excessBlobGas: 0n, transactions: [{ from: alpha, type: 3, blobs: 1, gasUsed: 0n }] };
    expect(() => other(finalBlock(story), book)).toThrow(BlobFractionMissing);
    const told = finalBlock(story, { headers: { "blob-fraction": "7" } });
    expect(other(told, book).fees).toEqual([paid("alpha", 131_072n)]);
    expect(other(finalBlock({ ...story, transactions: [] }), book).fees).toEqual([]);
  });
});

describe("reward", () => {
  const rewardsOf = (story: BlockStory) => flowsOf(story).legs.map((leg) => leg.amount);
  const transactions: readonly TransactionStory[] = [
    { gasUsed: 10n, feeCap: 100n, tipCap: 2n },
    { gasUsed: 5n, feeCap: 11n, tipCap: 9n, status: 0 },
    { gasUsed: 4n, feeCap: 25n, type: 0 },
  ];

  test("the priority fees of all transactions, failed ones too", () => {
    expect(rewardsOf({ feeRecipient: alpha, transactions })).toEqual([85n]);
    expect(rewardsOf({ feeRecipient: user, transactions })).toEqual([]);
    expect(rewardsOf({ feeRecipient: alpha, transactions: [{ feeCap: 10n, tipCap: 0n }] })).toEqual([]);
  });

  test("before London the whole gas price", () => {
    const old = {
      feeRecipient: alpha,
      baseFee: undefined,
      transactions: [{ type: 0, gasUsed: 4n, feeCap: 25n }],
    };
    expect(rewardsOf(old)).toEqual([100n]);
  });
});

describe("the blob base fee", () => {
  test.each([
    [0n, 3_338_477n, 1n],
    [2_314_057n, 3_338_477n, 1n],
    [2_314_058n, 3_338_477n, 2n],
    [10n * 1024n * 1024n, 3_338_477n, 23n],
    [50_000_000n, 2_225_652n, 5_709_098_764n],
  ])("is e^(%i / %i), as clients of EIP-4844 test it", (excess, fraction, price) => {
    expect(blobBaseFee(excess, fraction)).toBe(price);
  });

  test("there is none before Cancun", () => {
    expect(mainnetBlobFraction(1_710_338_134)).toBeUndefined();
  });
});
